// Lookup of a command's descriptor by its 64-bit key: one a cycle, the answer five cycles later, hit or miss.
//
// The table lies in BANKS memories of 2**ADDRESS_BITS entries. A key has one slot in each, by a hash of its own, and
// its entry is in one of them. All of these slots are read at once and the whole key is compared, so that a collision
// costs nothing and can give no other command's descriptor.
//
//   cycle 0  the key's slots, from each bank's hash
//         1  entries of the banks' keys are read; their bodies one cycle after them
//         2  block RAM output register
//         3  the key compared in parts
//         4  the parts together: a hit or not
//         5  the body of the bank that has it: the response
//
// A load is an operation like a lookup: it takes one place in the order, keys before bodies, so that a lookup sees an
// entry wholly as it was or wholly as it is. It sees every load that was accepted in a cycle before its own.
// SPDX-License-Identifier: Apache-2.0
`default_nettype none

module tcp_lookup #(
    parameter BANKS = 4,
    parameter BANK_BITS = 2,     // 2**BANK_BITS >= BANKS
    parameter ADDRESS_BITS = 9,  // entries of a bank, as a power of two: 1 to 16
    parameter IMAGE = "",        // folder of the memory image, at most 9 banks; none: an empty table
    parameter KEY = 64,          // bits of a key, 8 at least, a power of two; narrower only for a proof
    parameter TAIL = 144         // bits of a descriptor behind its first six bytes
) (
    input wire clk,
    input wire reset,  // drops lookups under way; the table stays, and so does a load that was accepted

    input  wire        request_valid,
    output wire        request_ready,
    input  wire [KEY-1:0] request_key,

    // Held until taken, in the order of the requests.
    output reg          response_valid,
    input  wire         response_ready,
    output wire         response_found,
    output wire [TAIL+47:0] response_descriptor,  // byte 0 first (bits 191:184); zeros when not found

    // One entry; at most every second cycle. Where a key may stand is the writer's to know: table.py.
    input  wire                    load_valid,
    output wire                    load_ready,
    input  wire [   BANK_BITS-1:0] load_bank,
    input  wire [ADDRESS_BITS-1:0] load_slot,
    input  wire                    load_occupied,  // 0: the slot becomes empty
    input  wire [         KEY-1:0] load_key,
    input  wire [        TAIL-1:0] load_tail       // bytes 6 to 23 of the descriptor, byte 6 in bits 143:136
);
    localparam [47:0] HEAD = 48'h54_43_50_02_00_02;  // bytes 0 to 5, the same in every valid descriptor
    localparam PARTS = 8;
    localparam PART = KEY / PARTS;
    localparam QUARTER = KEY / 4;

    // A bit of the slot is the sum of one bit of each quarter of the key, turned differently for each bank.
    function [ADDRESS_BITS-1:0] slot_of(input [KEY-1:0] key, input integer bank);
        integer at;
        for (at = 0; at < ADDRESS_BITS; at = at + 1)
            slot_of[at] = key[(at + 7 * bank) % QUARTER] ^ key[QUARTER + (at + 3 * bank + 1) % QUARTER]
                ^ key[2 * QUARTER + (at + 5 * bank + 2) % QUARTER] ^ key[3 * QUARTER + (at + 11 * bank + 3) % QUARTER];
    endfunction

    // The pipeline moves unless the spare response is in use. A register, and not inverted: it enables everything, block
    // RAMs among it, whose enables cannot be inverted.
    reg        go = 1;
    wire       spare_valid = !go;
    wire       respond = !response_valid || response_ready;
    reg  [3:0] under_way = 0;  // bit i: a lookup's stage i + 1
    wire       answered = under_way[3];

    // The load that waits for its place in the order.
    reg                    load_waits = 0;
    reg [       BANKS-1:0] load_to = 0;  // a bit a bank
    reg [ADDRESS_BITS-1:0] load_slot_0;
    reg [           KEY:0] load_key_0;
    reg [        TAIL-1:0] load_tail_0;

    assign load_ready = !load_waits;
    assign request_ready = go && !load_waits;

    integer n;
    always @(posedge clk) begin
        if (load_waits) begin
            if (go) begin
                load_waits <= 0;
                load_to <= 0;
            end
        end else begin
            load_waits <= load_valid;
            for (n = 0; n < BANKS; n = n + 1) load_to[n] <= load_valid && load_bank == n[BANK_BITS-1:0];
            load_slot_0 <= load_slot;
            load_key_0 <= {load_occupied, load_key};
            load_tail_0 <= load_tail;
        end
    end

    always @(posedge clk)
        if (reset) begin
            under_way <= 0;
            response_valid <= 0;
            go <= 1;
        end else begin
            if (go) under_way <= {under_way[2:0], request_valid && !load_waits};
            if (respond) response_valid <= spare_valid || answered;
            go <= respond || !(spare_valid || answered);
        end

    // Bodies are read, and written, one stage after the keys.
    reg [         KEY-1:0] key_1, key_2;
    reg [       BANKS-1:0] load_to_1 = 0;
    reg [ADDRESS_BITS-1:0] load_slot_1;
    reg [        TAIL-1:0] load_tail_1;
    always @(posedge clk)
        if (go) begin
            key_1 <= request_key;
            key_2 <= key_1;
            load_to_1 <= load_to;
            load_slot_1 <= load_slot_0;
            load_tail_1 <= load_tail_0;
        end

    wire [     BANKS-1:0] hits;
    wire [BANKS*TAIL-1:0] tails;

    genvar b;
    generate
        for (b = 0; b < BANKS; b = b + 1) begin : bank
            wire [ADDRESS_BITS-1:0] slot = slot_of(request_key, b);
            reg  [ADDRESS_BITS-1:0] slot_1;
            wire [           KEY:0] stored;
            wire [        TAIL-1:0] tail_3;
            reg  [        TAIL-1:0] tail_4;
            reg  [         PARTS:0] agree;
            reg                     hit;
`ifdef FORMAL
            wire [KEY:0] watched_key_cell, watched_key_latch;
            wire [TAIL-1:0] watched_tail_cell, watched_tail_latch;
`endif

            tcp_lookup_ram #(
                .WIDTH(KEY + 1),
                .ADDRESS_BITS(ADDRESS_BITS),
                .IMAGE(IMAGE == "" ? "" : {IMAGE, "/keys", 8'h30 + b[7:0], ".hex"})
            ) keys (
                .clk(clk),
                .go(go),
                .read(go && !load_to[b]),
                .read_address(slot),
                .read_data(stored),
                .write(load_to[b]),
                .write_address(load_slot_0),
                .write_data(load_key_0)
`ifdef FORMAL
                ,
                .watched_address(due[b].slot),
                .watched_cell(watched_key_cell),
                .watched_latch(watched_key_latch)
`endif
            );

            tcp_lookup_ram #(
                .WIDTH(TAIL),
                .ADDRESS_BITS(ADDRESS_BITS),
                .IMAGE(IMAGE == "" ? "" : {IMAGE, "/tails", 8'h30 + b[7:0], ".hex"})
            ) bodies (
                .clk(clk),
                .go(go),
                .read(go && !load_to_1[b]),
                .read_address(slot_1),
                .read_data(tail_3),
                .write(load_to_1[b]),
                .write_address(load_slot_1),
                .write_data(load_tail_1)
`ifdef FORMAL
                ,
                .watched_address(due[b].slot),
                .watched_cell(watched_tail_cell),
                .watched_latch(watched_tail_latch)
`endif
            );

            integer part;
            always @(posedge clk)
                if (go) begin
                    slot_1 <= slot;
                    for (part = 0; part < PARTS; part = part + 1)
                        agree[part] <= stored[part*PART+:PART] == key_2[part*PART+:PART];
                    agree[PARTS] <= stored[KEY];
                    hit <= &agree;
                    tail_4 <= tail_3;
                end
            assign hits[b] = hit;
            assign tails[b*TAIL+:TAIL] = tail_4;
        end
    endgenerate

    // A key that is being moved may stand in two banks, with the same body: either is right, and so is both.
    reg [TAIL:0] answer, spare, response;
    always @* begin
        answer = 0;
        for (n = 0; n < BANKS; n = n + 1)
            answer = answer | ({TAIL + 1{hits[n]}} & {1'b1, tails[n*TAIL+:TAIL]});
    end
    always @(posedge clk) begin
        if (go) spare <= answer;
        if (respond) response <= spare_valid ? spare : answer;
    end
    assign response_found = response[TAIL];
    assign response_descriptor = {response_found ? HEAD : 48'h0, response[TAIL-1:0]};

    initial response_valid = 0;

`ifdef FORMAL
`include "tcp_lookup_proof.vh"
`endif

endmodule

`default_nettype wire
