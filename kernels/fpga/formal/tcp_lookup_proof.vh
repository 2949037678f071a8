// What is proven of the pipeline, included at the end of tcp_lookup where FORMAL is defined: prove.py.
//
// One key, any, is watched, and beside it stands what its slot in each bank is to hold by the loads accepted so far.
// One request for that key, any, is followed from its acceptance to its answer. As neither is chosen by anything but the
// solver, what holds for them holds for all keys and all requests.
// SPDX-License-Identifier: Apache-2.0

    (* anyconst *) reg [KEY-1:0] watched_key;
    (* anyseq *) reg follow;

    wire accepted = request_valid && request_ready && !reset;
    wire taken = response_valid && response_ready && !reset;
    wire loaded = load_valid && load_ready;

    // The table as it should be, of the watched key; a load counts from the cycle after it.
    wire [  (KEY+1)*BANKS-1:0] due_keys;
    wire [TAIL*BANKS-1:0] due_tails;
    generate
        for (b = 0; b < BANKS; b = b + 1) begin : due
            wire [ADDRESS_BITS-1:0] slot = slot_of(watched_key, b);
            reg [KEY:0] key = 0;
            reg [TAIL-1:0] tail = 0;
            always @(posedge clk)
                if (loaded && load_bank == b[BANK_BITS-1:0] && load_slot == slot) begin
                    key <= {load_occupied, load_key};
                    tail <= load_tail;
                end
            assign due_keys[b*(KEY+1)+:KEY+1] = key;
            assign due_tails[b*TAIL+:TAIL] = tail;
        end
    endgenerate

    // The request that is followed: what its slots held when it was accepted, how many answers come before its own, how
    // long it is under way, and whether the responses were taken at once since then.
    reg followed = 0, moving;
    reg [  (KEY+1)*BANKS-1:0] seen_keys;
    reg [TAIL*BANKS-1:0] seen_tails;
    reg [3:0] outstanding = 0, ahead, age;
    wire starts = accepted && follow && !followed && request_key == watched_key;
    wire ends = followed && taken && ahead == 0;
    always @(posedge clk) begin
        outstanding <= reset ? 0 : outstanding + accepted - taken;
        if (reset || ends) followed <= 0;
        else if (starts) begin
            followed <= 1;
            moving <= respond;
            ahead <= outstanding - taken;
            age <= 1;
            seen_keys <= due_keys;
            seen_tails <= due_tails;
        end else if (followed) begin
            moving <= moving && respond;
            ahead <= ahead - taken;
            age <= age + (age != 15);
        end
    end

    reg [TAIL:0] right;
    always @* begin
        right = 0;
        for (n = 0; n < BANKS; n = n + 1)
            if (seen_keys[n*(KEY+1)+:KEY+1] == {1'b1, watched_key}) right = right | {1'b1, seen_tails[n*TAIL+:TAIL]};
    end
    wire [TAIL+48:0] right_response = right[TAIL] ? {1'b1, HEAD, right[TAIL-1:0]} : {TAIL+49{1'b0}};
    wire [TAIL+48:0] given_response = {response_found, response_descriptor};

    // Places where a request can be: stages 1 to 4, the spare response, the response.
    wire [6:1] busy = {response_valid, spare_valid, under_way};
    reg [3:0] total;
    integer place;
    always @* begin
        total = 0;
        for (place = 1; place <= 6; place = place + 1) total = total + busy[place];
    end
    reg [2:0] free = 0;  // for so many cycles responses were taken at once
    always @(posedge clk) free <= reset || !respond ? 0 : free + (free != 7);

    // The rules of the ports, by what a user sees.
    always @* begin
        // What was accepted and is not answered is in one of the places: nothing is lost, nothing is there twice.
        assert (outstanding == total);
        // A response belongs to a request that was accepted; no more than six are under way.
        if (response_valid) assert (outstanding != 0);
        assert (outstanding <= 6);
        // It comes in its turn, and says what the table held; found only where the whole key agrees and the slot is taken.
        if (followed && ahead == 0 && response_valid) assert (given_response == right_response);
        // Where responses are taken at once it comes after five cycles, not before and not later.
        if (followed && moving) assert (age <= 5 && (ahead == 0 && response_valid) == (age == 5));
        // After a stall it comes at the latest when six cycles were free.
        if (followed && !moving) assert (free < 6 || (free == 6 && response_valid));
    end
    reg [TAIL+48:0] former_response;
    reg held = 0, was_free = 0, was_free_twice = 0, load_taken = 0, load_stood = 0;
    always @(posedge clk) begin
        former_response <= given_response;
        held <= response_valid && !response_ready && !reset;
        was_free <= respond && !reset;
        was_free_twice <= was_free && respond && !reset;
        load_taken <= loaded;
        load_stood <= !load_ready;
    end
    always @* begin
        if (held) assert (response_valid && given_response == former_response);
        // One request a cycle, but for one cycle after each load; a load every second cycle.
        if (was_free) assert (request_ready == !load_taken || load_stood);
        if (load_taken) assert (!load_ready && !request_ready);
        if (was_free_twice && load_stood) assert (load_ready && request_ready);
    end

    // What the state always fulfils, so that induction can begin in any state: only the proof has it, so that a
    // counterexample is about the ports.
`ifdef INVARIANTS
    // Where the followed request is, by the same places.
    reg [6:1] at = 0;
    always @(posedge clk)
        if (reset) at <= 0;
        else begin
            if (go) at[4:1] <= {at[3:1], starts};
            if (go) at[5] <= at[4] && !respond;
            else if (respond) at[5] <= 0;
            if (respond) at[6] <= go ? at[4] : at[5];
        end
    reg [3:0] before;
    always @* begin
        before = 0;
        for (place = 2; place <= 6; place = place + 1) if (at & ((1 << (place - 1)) - 1)) before = before + busy[place];
    end
    always @* begin
        if (spare_valid) assert (response_valid);
        assert (followed == |at && (at & (at - 1)) == 0 && (at & ~busy) == 0);
        if (followed) assert (ahead == before);
        if (followed && moving) assert (age <= 5 && go && at == 1 << (age < 5 ? age - 1 : 5));
        if (followed && moving) assert (was_free);
        if (followed && !moving && free != 0) assert (at >= 1 << (free - 1));
        assert (was_free == (free != 0));
        assert (load_waits || load_to == 0);
        if (was_free) assert (go);
        if (load_taken) assert (load_waits && !load_stood);
        if (load_stood) assert (!load_taken);
        if (load_waits) assert (load_taken || load_stood);
        if (at[1]) assert (load_to_1 == 0 && key_1 == watched_key);
        if (at[2]) assert (key_2 == watched_key);
        if (at[5]) assert (spare == right);
        if (at[6]) assert (response == right);
        if (held) assert (given_response == former_response);
    end
    generate
        for (b = 0; b < BANKS; b = b + 1) begin : kept
            wire [KEY:0] key = seen_keys[b*(KEY+1)+:KEY+1];
            wire [TAIL-1:0] tail = seen_tails[b*TAIL+:TAIL];
            wire waits = load_to[b] && load_slot_0 == due[b].slot;
            wire half_done = load_to_1[b] && load_slot_1 == due[b].slot;
            integer piece;
            always @* begin
                assert (due[b].key == (waits ? load_key_0 : bank[b].watched_key_cell));
                assert (due[b].tail == (waits ? load_tail_0 : half_done ? load_tail_1 : bank[b].watched_tail_cell));
                if (at[1]) assert (bank[b].slot_1 == due[b].slot && bank[b].watched_key_latch == key
                    && bank[b].watched_tail_cell == tail);
                if (at[2]) assert (bank[b].stored == key && bank[b].watched_tail_latch == tail);
                if (at[3]) begin
                    for (piece = 0; piece < PARTS; piece = piece + 1)
                        assert (bank[b].agree[piece] == (key[piece*PART+:PART] == watched_key[piece*PART+:PART]));
                    assert (bank[b].agree[PARTS] == key[KEY] && bank[b].tail_3 == tail);
                end
                if (at[4]) assert (bank[b].hit == (key == {1'b1, watched_key}) && bank[b].tail_4 == tail);
            end
        end
    endgenerate
`endif
