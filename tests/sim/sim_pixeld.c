/*
 * sim_pixeld.c - the seeded simulator: the whole server, people who misbehave, a machine that
 * fails.
 *
 *	sim_pixeld [--seed S] [--seeds N] [--drawn N] [--sync commit|interval|off] [--steps K]
 *		   [--log on]
 *
 * --seeds counts from --seed on; --drawn runs so many more from where nobody has been (PIXELD_SEED:
 * from there). Each run's line begins with the command that repeats it. A run is decided by its
 * seed. It has several lives: the server starts on what the disk kept, clients come back, draw,
 * stop reading, vanish, send rubbish, ask about the past and take placements back; sends are short,
 * completions late, writes fail; then the power goes, the process is killed, or it is stopped in
 * order. After each life truth.h reads the disk. In the last life all faults are off: everybody
 * must come to the same board, and after an orderly stop nothing may be left: no connection, no
 * buffer on loan, no operation, no open file.
 *
 * With --sync off a run is expected to break, and it does: that proves that the checks can fail.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "engine/base/assert.h"
#include "engine/base/log.h"
#include "tests/prng.h"
#include "tests/sim/asker.h"
#include "tests/sim/client.h"
#include "tests/sim/disk_sim.h"
#include "tests/sim/faces.h"
#include "tests/sim/stack.h"

#define LOG_BYTES    65536u /* that no client falls out of */
#define CLIENTS_MAX  32
#define ASKERS_MAX   4
#define LIVES_MAX    6
#define CONVERGE_NS  (120 * NS_PER_SEC)
#define STOP_NS      (60 * NS_PER_SEC)
#define WALL_MS_BASE 1500000000000ULL
#define COPY_STEPS   4 /* in which no two segments are filled */
#define START_TRIES  50

struct run {
	uint64_t seed, dice;
	uint64_t steps_per_life;
	uint64_t mono_offset_ns; /* a machine that starts anew counts anew */
	struct net_sim *net;
	struct settings *settings;
	struct session_key *key;
	struct truth_board boards[TRUTH_BOARDS_MAX];
	char names[TRUTH_BOARDS_MAX][8];
	unsigned board_count, client_count;
	struct crowd crowd;
	struct client *clients[CLIENTS_MAX];
	struct asker *askers[ASKERS_MAX];
	unsigned asker_count;
	struct faces_sim *faces;
	struct stack_config config;
	struct stack *stack; /* NULL: the server is down */
	uint64_t steps, cuts, kills, stops, refused_starts;
};

static struct {
	uint64_t seed, seeds, drawn, steps;
	const char *sync;
	bool verbose;
} opt = {.seed = 1, .seeds = 1, .steps = 1500, .sync = "commit"};

static uint64_t below(struct run *r, uint64_t end)
{
	return prng_below(&r->dice, end);
}

static struct now now_of(const struct run *r)
{
	uint64_t ns = ring_sim_now_ns();

	return (struct now){.mono_ns = ns + r->mono_offset_ns,
			    .wall_ms = WALL_MS_BASE + ns / NS_PER_MS};
}

/* --- what a seed decides -------------------------------------------------------------------- */

static void boards_choose(struct run *r)
{
	static const unsigned bits[] = {4, 8, 1, 2};

	r->board_count = 1 + (unsigned)below(r, 3);
	for (unsigned b = 0; b < r->board_count; b++) {
		snprintf(r->names[b], sizeof(r->names[b]), b == 0 ? "main" : "b%u", b);
		r->boards[b] = (struct truth_board){.name = r->names[b],
						    .width = 1 + (uint32_t)below(r, 60),
						    .height = 1 + (uint32_t)below(r, 60),
						    .bits = bits[below(r, 4)],
						    .cooldown_ms = b == 1 ? 200 : 0};
	}
}

static void settings_choose(struct run *r)
{
	char args[20][64], why[SETTINGS_WHY_CHARS];
	char *argv[22] = {NULL};
	char *const envp[] = {NULL};
	int argc = 0;

#define ARG(...) snprintf(args[argc], sizeof(args[0]), __VA_ARGS__), argc++
	ARG("pixeld");
	for (unsigned b = 0; b < r->board_count; b++)
		ARG("--board=%s:%ux%u:%u", r->names[b], r->boards[b].width, r->boards[b].height,
		    r->boards[b].bits);
	ARG("--journal-sync=%s", opt.sync);
	ARG("--journal-segment-bytes=1048576");
	ARG("--log-bytes=%u", LOG_BYTES);
	ARG("--people-max=1024");
	ARG("--cut-interval-ms=%lu", 1 + below(r, 50));
	ARG("--round-interval-ms=%lu", 1 + below(r, 50));
	ARG("--status-interval-ms=%lu", 100 + below(r, 400));
	ARG("--snapshot-interval-s=%lu", 1 + below(r, 5));
	ARG("--requests-per-second=0");
	ARG("--last-placer-cells=%lu", below(r, 2) * 4000);
	ARG("--round-rest-ms=%lu", below(r, 2) * 75);
#undef ARG
	for (int i = 0; i < argc; i++)
		argv[i] = args[i];
	truth_check(settings_load(argc, argv, envp, &r->settings, why) == 0, "settings: %s", why);
	if (below(r, 2) == 0) /* smaller than one that pays, so that there are some */
		r->settings->journal_segment_bytes = 1u << (15 + below(r, 4));
	if (below(r, 3) == 0) /* some are left behind by it, and frames have room for few cells */
		r->settings->log_bytes = 1u << (13 + below(r, 3)); /* a face is a quarter */
	for (unsigned b = 0; b < r->board_count; b++) {
		r->settings->boards[b].cooldown_ms = r->boards[b].cooldown_ms;
		r->boards[b].colors = r->settings->boards[b].colors;
		truth_board_widen(&r->boards[b]);
	}
}

/* How bad it gets, from not at all to everything at once. */
static void faults_choose(struct run *r)
{
	uint32_t level = (uint32_t)below(r, 4);
	const struct ring_sim_faults faults = {.send_short = level * (uint32_t)below(r, 100),
					       .recv_split = level * (uint32_t)below(r, 100),
					       .recv_starve = level * (uint32_t)below(r, 30),
					       .multi_end = level * (uint32_t)below(r, 50),
					       .accept_fail = level * (uint32_t)below(r, 30),
					       .cancel_lost = level * (uint32_t)below(r, 300),
					       .write_short = level * (uint32_t)below(r, 20),
					       .submit_early = level * (uint32_t)below(r, 50),
					       .recv_early = level * (uint32_t)below(r, 100),
					       .delay_ns_max = level * below(r, 2 * NS_PER_MS),
					       .disk_ns_max = 1 + level * below(r, 20 * NS_PER_MS)};
	uint32_t disk = below(r, 2) == 0 ? 0 : level;

	ring_sim_faults_set(&faults);
	disk_sim_chance_set(DISK_SIM_WRITE, disk * (uint32_t)below(r, 8), -5);
	disk_sim_chance_set(DISK_SIM_SYNC, disk * (uint32_t)below(r, 8), -5);
	disk_sim_chance_set(DISK_SIM_CREATE, disk * (uint32_t)below(r, 30), -28);
	disk_sim_chance_set(DISK_SIM_RENAME, disk * (uint32_t)below(r, 30), -5);
	disk_sim_chance_set(DISK_SIM_SYNC_DIR, disk * (uint32_t)below(r, 30), -5);
	if (below(r, 5) == 0)
		disk_sim_capacity_set((1 + below(r, 8)) << 20);
}

static void disk_faults_end(void)
{
	for (enum disk_sim_op op = 0; op < DISK_SIM_OP_MAX; op++)
		disk_sim_chance_set(op, 0, 0);
	disk_sim_capacity_set(UINT64_MAX);
}

static void faults_end(void)
{
	const struct ring_sim_faults none = {.disk_ns_max = NS_PER_MS};

	ring_sim_faults_set(&none);
	disk_faults_end();
}

/* --- a run's beginning and end -------------------------------------------------------------- */

/* So little of the journal is kept that old segments go. */
static void retention_choose(struct run *r)
{
	struct settings *s = r->settings;

	if (below(r, 4) != 0)
		return;
	s->journal_segment_bytes = 1u << 15;
	s->journal_keep_bytes = (2 + below(r, 3)) * s->journal_segment_bytes;
	s->snapshots_past = below(r, 3);
	truth_retain(r->crowd.truth);
	if (r->config.sink != NULL)
		sink_hold(r->config.sink);
}

static void receiver_choose(struct run *r)
{
	uint64_t seed = prng_next(&r->dice);

	if (below(r, 3) == 0)
		return;
	r->config.sink = sink_new(seed);
	r->config.batch_records = 5 + (uint32_t)below(r, 5 + below(r, 400));
	r->config.batch_bytes = 1000 + below(r, 100000);
	r->config.batch_age_ns = below(r, 1 + below(r, 500 * NS_PER_MS));
	r->config.gentle_per_second = below(r, 2) * 1000;
}

static void askers_make(struct run *r)
{
	r->asker_count = (unsigned)below(r, ASKERS_MAX + 1);
	for (unsigned i = 0; i < r->asker_count; i++)
		r->askers[i] = asker_new(&r->crowd, r->client_count);
	r->config.read_ns_max = below(r, 2) * below(r, 30 * NS_PER_MS);
}

static void run_begin(struct run *r, uint64_t seed)
{
	static const uint8_t secret[16] = "a secret of sims";

	memset(r, 0, sizeof(*r));
	r->seed = r->dice = seed;
	r->steps_per_life = opt.steps / 4 + below(r, opt.steps);
	boards_choose(r);
	settings_choose(r);
	r->client_count = 2 + (unsigned)below(r, CLIENTS_MAX - 2);
	px_assert(session_key_new(secret, sizeof(secret), &r->key) == 0);
	r->net = net_sim_new();
	disk_sim_begin(prng_next(&r->dice));
	ring_sim_begin(r->net, &disk_sim_for_ring, prng_next(&r->dice));
	r->crowd = (struct crowd){.net = r->net,
				  .logs_are_small = r->settings->log_bytes < LOG_BYTES,
				  .truth = truth_new(r->boards, r->board_count, r->client_count),
				  .session_key = r->key,
				  .boards = r->boards,
				  .board_count = r->board_count,
				  .dice = prng_next(&r->dice)};
	for (unsigned i = 0; i < r->client_count; i++)
		r->clients[i] = client_new(&r->crowd, i);
	r->config = (struct stack_config){.settings = r->settings,
					  .session_key = r->key,
					  .workers = 1 + (unsigned)below(r, 3),
					  .rings = 1 + (uint32_t)below(r, 2),
					  .slots = 20 + (uint32_t)below(r, 30),
					  .recv_bufs = 4u << below(r, 4),
					  .clients_max = 8 + (uint32_t)below(r, 40)};
	r->faces = faces_sim_new(r->settings, r->boards, &r->crowd, prng_next(&r->dice));
	askers_make(r);
	receiver_choose(r);
	retention_choose(r);
}

static void run_end(struct run *r)
{
	for (unsigned i = 0; i < r->client_count; i++)
		client_free(r->clients[i]);
	for (unsigned i = 0; i < r->asker_count; i++)
		asker_free(r->askers[i]);
	faces_sim_free(r->faces);
	truth_check(net_sim_open_ends(r->net) == 0, "%u connections are left",
		    net_sim_open_ends(r->net));
	truth_check(disk_sim_open_files() == 0, "%u open files are left", disk_sim_open_files());
	ring_sim_end();
	disk_sim_end();
	net_sim_free(r->net);
	sink_free(r->config.sink);
	truth_free(r->crowd.truth);
	session_key_free(r->key);
	settings_free(r->settings);
}

/* --- lives ---------------------------------------------------------------------------------- */

static void step(struct run *r)
{
	uint64_t ns = below(r, 20) == 0 ? below(r, 50 * NS_PER_MS) : below(r, 2 * NS_PER_MS);

	ring_sim_advance(ns);
	r->steps++;
	r->crowd.wall_ms = now_of(r).wall_ms;
	for (unsigned i = 0; i < r->client_count; i++)
		client_turn(r->clients[i], ring_sim_now_ns());
	for (unsigned i = 0; i < r->asker_count && r->stack != NULL; i++)
		asker_turn(r->askers[i], ring_sim_now_ns());
	if (r->config.sink != NULL)
		sink_clock_set(r->config.sink, ring_sim_now_ns());
	if (r->stack == NULL)
		return;
	/* What was not synced may come back, in colors that a shorter palette has lost. */
	if (!r->crowd.calm)
		faces_sim_turn(r->faces, r->stack, strcmp(opt.sync, "commit") == 0);
	stack_turn(r->stack, now_of(r), &r->dice);
	if (r->steps % COPY_STEPS == 0)
		truth_copy(r->crowd.truth, stack_durable_lsn(r->stack));
}

static void server_start(struct run *r)
{
	r->config.listener = r->crowd.listener =
		net_sim_listen(r->net, 80, 1 + (uint32_t)below(r, 32));
	for (unsigned tries = 0; r->stack == NULL; tries++) {
		if (tries == START_TRIES / 2)
			disk_faults_end();
		truth_check(tries < START_TRIES, "the server does not start any more");
		r->stack = stack_start(&r->config, now_of(r));
		if (r->stack == NULL) {
			r->refused_starts++;
			disk_sim_process_kill();
		}
	}
}

static void clients_cut_off(struct run *r)
{
	for (unsigned i = 0; i < r->client_count; i++)
		client_cut_off(r->clients[i]);
	for (unsigned i = 0; i < r->asker_count; i++)
		asker_cut_off(r->askers[i]);
	faces_sim_cut_off(r->faces);
	net_sim_unlisten(r->net, r->crowd.listener);
}

static void verify(struct run *r)
{
	struct disk *disk;

	disk_faults_end();
	px_assert(disk_open("sim", 0, 0, &disk) == 0);
	truth_verify(r->crowd.truth, disk, r->config.sink);
	disk_close(disk);
}

static void server_stop(struct run *r)
{
	uint64_t deadline_ns = ring_sim_now_ns() + STOP_NS;

	stack_stop(r->stack);
	while (!stack_is_stopped(r->stack)) {
		truth_check(ring_sim_now_ns() < deadline_ns, "an orderly stop does not end");
		step(r);
	}
	stack_free(r->stack);
	if (r->config.sink != NULL)
		sink_cut(r->config.sink);
	clients_cut_off(r);
	disk_sim_process_kill();
	r->stops++;
}

static void server_die(struct run *r)
{
	unsigned how = (unsigned)below(r, 4);

	if (how == 0) {
		disk_faults_end();
		server_stop(r);
	} else {
		stack_kill(r->stack);
		clients_cut_off(r);
		if (how == 1) {
			disk_sim_process_kill();
			r->kills++;
		} else {
			disk_sim_power_cut();
			r->mono_offset_ns = below(r, NS_PER_SEC * 1000);
			r->cuts++;
		}
	}
	r->stack = NULL;
}

static void life(struct run *r)
{
	uint64_t steps = 1 + below(r, r->steps_per_life);

	faults_choose(r);
	server_start(r);
	for (uint64_t i = 0; i < steps; i++) {
		if (i == steps / 2)
			disk_sim_capacity_set(UINT64_MAX); /* somebody has made room */
		step(r);
	}
	server_die(r);
	verify(r);
}

static bool everybody_is_level(struct run *r)
{
	for (unsigned b = 0; b < r->board_count; b++) {
		const struct room *room = stack_room(r->stack, r->boards[b].name);
		uint64_t seq = atomic_load(&room->seq);
		uint32_t version = room_face(room)->version;

		for (unsigned i = 0; i < r->client_count; i++)
			if (client_follows(r->clients[i], b) &&
			    !client_is_level(r->clients[i], b, seq, version))
				return false;
	}
	return r->config.sink == NULL || sink_lsn(r->config.sink) == stack_durable_lsn(r->stack);
}

static _Noreturn void not_level(struct run *r)
{
	for (unsigned b = 0; b < r->board_count; b++)
		fprintf(stderr, "\n%s: seq %lu", r->boards[b].name,
			atomic_load(&stack_room(r->stack, r->boards[b].name)->seq));
	fprintf(stderr, "\n");
	for (unsigned i = 0; i < r->client_count; i++)
		client_describe(r->clients[i]);
	if (r->config.sink != NULL)
		fprintf(stderr, "receiver: lsn %lu of %lu\n", sink_lsn(r->config.sink),
			stack_durable_lsn(r->stack));
	truth_failed("clients do not come to the same board");
}

/* No more faults: everybody has the same in the end, and nothing is left. */
static void last_life(struct run *r)
{
	uint64_t deadline_ns;

	faults_end();
	r->crowd.calm = true;
	if (r->config.sink != NULL)
		sink_calm(r->config.sink);
	r->config.clients_max = 2 * CLIENTS_MAX + 16;
	r->config.slots = 2 * CLIENTS_MAX + 64;
	server_start(r);
	deadline_ns = ring_sim_now_ns() + CONVERGE_NS;
	do {
		if (ring_sim_now_ns() >= deadline_ns)
			not_level(r);
		step(r);
	} while (!everybody_is_level(r));
	for (unsigned i = 0; i < r->client_count; i++)
		client_leave(r->clients[i]);
	for (unsigned i = 0; i < r->asker_count; i++)
		asker_leave(r->askers[i]);
	server_stop(r);
	verify(r);
	if (r->config.sink != NULL)
		sink_check_all(r->config.sink);
}

static void receiver_report(const struct run *r)
{
	struct sink_counts c;

	if (r->config.sink == NULL)
		return;
	c = sink_counts(r->config.sink);
	printf("%lu records received, %lu flushes, %lu in quarantine, %lu times away, %lu lost "
	       "within a batch, %lu lost before its end, %lu lost behind it, %lu batches refused, "
	       "%lu decisions, %lu put back, %lu ahead, %lu slow; ",
	       c.kept, c.flushes, c.quarantined, c.away, c.lost_within, c.lost_before, c.lost_after,
	       c.refused, c.stopped, c.put_back, c.ahead, c.slow);
}

static void report(const struct run *r)
{
	const struct ring_sim_counts *ring = ring_sim_counts();
	const struct disk_sim_counts *disk = disk_sim_counts();
	const struct crowd_counts *c = &r->crowd.counts;
	struct truth_counts t = truth_counts(r->crowd.truth);

	printf("%lu steps, %lu power cuts, %lu kills, %lu stops, %lu refused starts; ", r->steps,
	       r->cuts, r->kills, r->stops, r->refused_starts);
	printf("%lu connects, %lu fetches, %lu resumes, %lu stale, %lu deltas, %lu boards "
	       "compared; ",
	       c->connects, c->fetches, c->resumes, c->stales, c->deltas, t.boards_compared);
	printf("asked %lu, placed %lu by message, %lu by PUT, told %lu later, %lu again, refused "
	       "%lu, %lu as reused, kept %lu, lost 0; ",
	       t.asked, c->placed, c->put, c->told_by_you, c->again, c->refused, c->reused, t.kept);
	printf("%lu questions, %lu answers compared, %lu denied, %lu rollbacks told, %lu rollbacks "
	       "kept, %lu cells restored; ",
	       c->questions, t.past_checked, c->denied, c->rolled_back, t.rollbacks, t.restored);
	printf("%lu faces set, %lu refused; ", faces_sim_counts(r->faces).set,
	       faces_sim_counts(r->faces).refused);
	receiver_report(r);
	printf("injected: %lu short sends, %lu splits, %lu starved, %lu ended receives, %lu failed "
	       "accepts, %lu lost cancels, %lu early submits, %lu early receives, %lu short "
	       "writes, %lu disk errors, %lu "
	       "sectors lost, %lu vanished, %lu deaf, %lu rubbish, %lu parted, %lu sessions "
	       "ended\n",
	       ring->short_sends, ring->splits, ring->starved, ring->multi_ends,
	       ring->accept_failures, ring->cancels_lost, ring->early_submits, ring->early_recvs,
	       ring->short_writes, disk->errors, disk->sectors_lost, c->vanished, c->deaf,
	       c->rubbish, c->parted, c->expired);
	fflush(stdout);
}

static void run_seed(uint64_t seed)
{
	struct run r;
	uint64_t lives;

	printf("sim_pixeld --seed %lu --steps %lu%s%s: ", seed, opt.steps,
	       strcmp(opt.sync, "commit") == 0 ? "" : " --sync ",
	       strcmp(opt.sync, "commit") == 0 ? "" : opt.sync);
	fflush(stdout);
	run_begin(&r, seed);
	lives = 1 + below(&r, LIVES_MAX - 1);
	for (uint64_t i = 0; i < lives; i++)
		life(&r);
	last_life(&r);
	report(&r);
	run_end(&r);
}

static void options_read(int argc, char **argv)
{
	for (int i = 1; i < argc; i += 2) {
		const char *value = i + 1 < argc ? argv[i + 1] : "";

		if (strcmp(argv[i], "--seed") == 0)
			opt.seed = strtoull(value, NULL, 10);
		else if (strcmp(argv[i], "--seeds") == 0)
			opt.seeds = strtoull(value, NULL, 10);
		else if (strcmp(argv[i], "--drawn") == 0)
			opt.drawn = strtoull(value, NULL, 10);
		else if (strcmp(argv[i], "--steps") == 0)
			opt.steps = strtoull(value, NULL, 10);
		else if (strcmp(argv[i], "--sync") == 0)
			opt.sync = value;
		else if (strcmp(argv[i], "--log") == 0)
			opt.verbose = strcmp(value, "on") == 0;
		else {
			fprintf(stderr, "sim_pixeld [--seed S] [--seeds N] [--drawn N] "
					"[--sync commit|interval|off] [--steps K] [--log on]\n");
			exit(2);
		}
	}
}

/* Small enough to be typed. */
static uint64_t seed_draw(void)
{
	uint64_t seed = prng_start("sim_pixeld, seeds from");

	return getenv("PIXELD_SEED") != NULL ? seed : prng_next(&seed) >> 24;
}

int main(int argc, char **argv)
{
	uint64_t drawn;

	options_read(argc, argv);
	log_start(LOG_LEVEL_INFO,
		  opt.verbose ? STDERR_FILENO : open("/dev/null", O_WRONLY | O_CLOEXEC));
	for (uint64_t i = 0; i < opt.seeds; i++)
		run_seed(opt.seed + i);
	drawn = opt.drawn > 0 ? seed_draw() : 0;
	for (uint64_t i = 0; i < opt.drawn; i++)
		run_seed(drawn + i);
	return 0;
}
