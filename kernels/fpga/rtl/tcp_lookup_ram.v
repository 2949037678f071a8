// A memory with an output register: what is read at one edge stands at read_data after the next one.
//
// Written so that tools take both the cells and the latch into a block RAM; read and write never meet in one cycle
// (the caller keeps them apart), so that what a RAM does then does not matter. IMAGE names a file for $readmemh with a
// line of hexadecimal digits a cell; without one all cells are zero.
// SPDX-License-Identifier: Apache-2.0
`default_nettype none

module tcp_lookup_ram #(
    parameter WIDTH = 65,
    parameter ADDRESS_BITS = 9,
    parameter IMAGE = ""
) (
    input  wire                    clk,
    input  wire                    go,             // move what was read on
    input  wire                    read,           // only with go, never with write
    input  wire [ADDRESS_BITS-1:0] read_address,
    output reg  [       WIDTH-1:0] read_data,
    input  wire                    write,
    input  wire [ADDRESS_BITS-1:0] write_address,
    input  wire [       WIDTH-1:0] write_data
`ifdef FORMAL  // one cell and the latch, for the proof to look at
    ,
    input  wire [ADDRESS_BITS-1:0] watched_address,
    output wire [       WIDTH-1:0] watched_cell,
    output wire [       WIDTH-1:0] watched_latch
`endif
);
    reg [WIDTH-1:0] cells[0:(1<<ADDRESS_BITS)-1];
    reg [WIDTH-1:0] latch;

    integer i;
    initial begin
        for (i = 0; i < 1 << ADDRESS_BITS; i = i + 1) cells[i] = 0;
        if (IMAGE != "") $readmemh(IMAGE, cells);
    end

    always @(posedge clk) begin
        if (write) cells[write_address] <= write_data;
        if (read) latch <= cells[read_address];
        if (go) read_data <= latch;
    end

`ifdef FORMAL
    assign watched_cell = cells[watched_address];
    assign watched_latch = latch;
    always @* assert (!(read && write));
    always @* if (read) assert (go);
`endif

endmodule

`default_nettype wire
