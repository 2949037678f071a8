/* A ring whose memory is written over between the steps of its writer and its readers: every call comes back, gives no
 * more than was asked for, and what it gives can be read and written. */
#include <sys/mman.h>

#include "input.h"

enum { SLOTS = TCPK_RING_MIN_SLOTS, MOST = 2 * SLOTS, RINGS = 3, WHERE = 4 };

static struct tcpk_registry *registry;
static struct tcpk_table *table;
static struct tcpk_engine *engine;
static uint8_t *memory;
static struct tcpk_ring *rings[RINGS]; /* a writer and two readers */
static struct tcpk_ring_geometry geometry;

static void prepare(void)
{
    const struct tcpk_engine_options options = {
        .agents = 1000, .window = 20, .threshold = 4590, .suspicion = 3, .voters = 1, .threads = 1};
    REQUIRE(tcpk_registry_generate(25, 3, &registry, NULL) == TCPK_OK &&
            tcpk_table_of_registry(registry, &table, NULL) == TCPK_OK &&
            tcpk_engine_create(&options, table, &engine, NULL) == TCPK_OK &&
            tcpk_ring_create(SLOTS, &rings[0], NULL) == TCPK_OK);
    struct tcpk_ring_about about;
    tcpk_ring_describe(rings[0], &about);
    memory = mmap(NULL, about.bytes, PROT_READ | PROT_WRITE, MAP_SHARED, tcpk_ring_file(rings[0]), 0);
    REQUIRE(memory != MAP_FAILED);
    memcpy(&geometry, memory, sizeof geometry);
    for (int i = 1; i < RINGS; i++)
        REQUIRE(tcpk_ring_open_file(tcpk_ring_file(rings[0]), &rings[i], NULL) == TCPK_OK);
}

/* Some bytes of the input over the header, the readers' page, a word of them, or the slots. */
static void write_over(struct input *input)
{
    static const size_t BEGINS[WHERE] = {0, TCPK_RING_READERS_OFFSET, 128, TCPK_RING_SLOTS_OFFSET};
    static const size_t SIZES[WHERE] = {sizeof(struct tcpk_ring_header), sizeof(struct tcpk_ring_readers), 8,
                                        SLOTS * TCPK_RING_SLOT_BYTES};
    const size_t where = input_below(input, WHERE), at = input_below(input, SIZES[where]);
    for (size_t i = at, n = input_below(input, 16); i < SIZES[where] && n; i++, n--)
        memory[BEGINS[where] + i] = (uint8_t)input_value(input, 1);
}

static bool is_status(enum tcpk_status status)
{
    return status == TCPK_OK || status == TCPK_ERROR_CORRUPT || status == TCPK_ERROR_OVERRUN ||
           status == TCPK_ERROR_RANGE;
}

static void write_some(struct input *input, struct tcpk_ring *ring)
{
    struct tcpk_ring_slot *slots;
    size_t got;
    const size_t most = input_below(input, MOST);
    REQUIRE(is_status(tcpk_ring_claim(ring, most, &slots, &got)) && got <= most && got <= SLOTS);
    for (size_t i = 0; i < got; i++) {
        memset(&slots[i], 1, sizeof slots[i]);
        slots[i].agent = (uint32_t)input_value(input, 1);
        slots[i].key = tcpk_registry_keys(registry)[slots[i].agent % 25];
    }
    REQUIRE(tcpk_ring_publish(ring, got + 1) == TCPK_ERROR_ARGUMENT);
    REQUIRE(tcpk_ring_publish(ring, got) == TCPK_OK);
}

static void read_some(struct input *input, struct tcpk_ring *ring)
{
    const struct tcpk_ring_slot *slots;
    size_t got;
    uint64_t sum = 0;
    const size_t most = input_below(input, MOST);
    REQUIRE(is_status(tcpk_ring_peek(ring, most, &slots, &got)) && got <= most && got <= SLOTS);
    for (size_t i = 0; i < got; i++)
        sum += slots[i].key + slots[i].features[23];
    REQUIRE(tcpk_ring_release(ring, got + 1) == TCPK_ERROR_ARGUMENT);
    REQUIRE(is_status(tcpk_ring_release(ring, sum % 2 ? got : got / 2)));
}

static void answer_some(struct input *input, struct tcpk_ring *ring)
{
    static uint8_t decisions[MOST], quarantined[MOST];
    static uint32_t agents[MOST];
    size_t done;
    const size_t most = input_below(input, MOST);
    REQUIRE(is_status(tcpk_ring_process(ring, engine, most, agents, decisions, quarantined, &done, NULL)));
    REQUIRE(done <= most);
    for (size_t i = 0; i < done; i++)
        REQUIRE(agents[i] < 1000 && decisions[i] <= TCPK_REJECT && quarantined[i] <= 1);
    REQUIRE(is_status(tcpk_ring_skip(ring, most, &done)) && done <= most);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    if (!memory)
        prepare();
    struct input input = {bytes, length};
    for (int i = 0; i < RINGS; i++)
        REQUIRE((i ? tcpk_ring_attach_reader : tcpk_ring_attach_writer)(rings[i], NULL) == TCPK_OK);
    while (input.left) {
        struct tcpk_ring *reader = rings[1 + input_value(&input, 1) % 2];
        switch (input_below(&input, 8)) {
        case 0: write_over(&input); break;
        case 1: (void)tcpk_ring_wait(rings[0], 0); break;
        case 2: (void)tcpk_ring_wait(reader, 0); break;
        case 3: answer_some(&input, reader); break;
        case 4: REQUIRE(tcpk_ring_expel(rings[0], (uint32_t)input_below(&input, 16)) == TCPK_OK); break;
        case 5: read_some(&input, reader); break;
        default: write_some(&input, rings[0]);
        }
    }
    for (int i = RINGS - 1; i >= 0; i--)
        tcpk_ring_detach(rings[i]);
    /* Whatever was written over, the next input begins with an empty ring at the same positions. */
    memset(memory, 0, TCPK_RING_SLOTS_OFFSET + SLOTS * TCPK_RING_SLOT_BYTES);
    memcpy(memory, &geometry, sizeof geometry);
    return 0;
}
