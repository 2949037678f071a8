// What is placed and routed to learn the pipeline's speed: every port of it stands between registers, so that no path is
// left out, and one pin each way is enough. Computes nothing of use: inputs are shifted in, outputs summed up.
// SPDX-License-Identifier: Apache-2.0
`default_nettype none

module tcp_lookup_timing #(
    parameter BANKS = 4,
    parameter BANK_BITS = 2,
    parameter ADDRESS_BITS = 9,
    parameter IMAGE = ""
) (
    input  wire clk,
    input  wire serial_in,
    output wire serial_out
);
    localparam INPUTS = 5 + 64 + BANK_BITS + ADDRESS_BITS + 64 + 144;
    localparam OUTPUTS = 4 + 192;

    reg  [ INPUTS-1:0] inputs;
    reg  [OUTPUTS-1:0] sums;
    wire [OUTPUTS-1:0] outputs;

    wire                    reset, request_valid, response_ready, load_valid, load_occupied;
    wire [            63:0] request_key, load_key;
    wire [   BANK_BITS-1:0] load_bank;
    wire [ADDRESS_BITS-1:0] load_slot;
    wire [           143:0] load_tail;
    assign {reset, request_valid, response_ready, load_valid, load_occupied, request_key, load_bank, load_slot, load_key,
        load_tail} = inputs;

    tcp_lookup #(
        .BANKS(BANKS),
        .BANK_BITS(BANK_BITS),
        .ADDRESS_BITS(ADDRESS_BITS),
        .IMAGE(IMAGE)
    ) lookup (
        .clk(clk),
        .reset(reset),
        .request_valid(request_valid),
        .request_ready(outputs[0]),
        .request_key(request_key),
        .response_valid(outputs[1]),
        .response_ready(response_ready),
        .response_found(outputs[2]),
        .response_descriptor(outputs[195:4]),
        .load_valid(load_valid),
        .load_ready(outputs[3]),
        .load_bank(load_bank),
        .load_slot(load_slot),
        .load_occupied(load_occupied),
        .load_key(load_key),
        .load_tail(load_tail)
    );

    always @(posedge clk) begin
        inputs <= {inputs[INPUTS-2:0], serial_in};
        sums <= {sums[OUTPUTS-2:0], sums[OUTPUTS-1]} ^ outputs;
    end
    assign serial_out = sums[OUTPUTS-1];
endmodule

`default_nettype wire
