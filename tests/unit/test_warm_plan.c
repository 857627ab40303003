/* What is kept warm: recorded histories, each with what there must be at times, and what holds of any plan.
 */
#include "fleet/scale/warm_plan.h"

#include <dirent.h>
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define BEGIN_MS      UINT64_C(1700000000000)
#define HOUR_MS       3600000.0
#define FUNCTIONS_MAX 8
#define STEPS_MAX     2000

/* --- recorded histories --- */

enum step_kind { STEP_DEPLOY, STEP_DUE, STEP_COLD, STEP_EXPECT };

struct step {
    uint64_t at_ms;
    enum step_kind kind;
    size_t function;
    unsigned count; /* of cold starts, or of the instances that must be kept */
    char reason[16];
    unsigned line;
};

struct history {
    const char *name;
    uint64_t budget_bytes;
    char names[FUNCTIONS_MAX][16];
    struct cold_starts starts[FUNCTIONS_MAX];
    struct warm_use uses[FUNCTIONS_MAX];
    struct warm_candidate candidates[FUNCTIONS_MAX];
    struct warm_share shares[FUNCTIONS_MAX];
    size_t function_count;
    struct step steps[STEPS_MAX];
    size_t step_count;
};

static uint64_t hours(double hours)
{
    return BEGIN_MS + (uint64_t)(hours * HOUR_MS);
}

static size_t find(const struct history *history, const char *name)
{
    for (size_t i = 0; i < history->function_count; i++) {
        if (strcmp(history->names[i], name) == 0)
            return i;
    }
    fail_msg("%s: no function %s", history->name, name);
    return 0;
}

static struct step *add_step(struct history *history, double at_h, enum step_kind kind, const char *name)
{
    assert_true(history->step_count < STEPS_MAX);
    struct step *step = &history->steps[history->step_count++];
    *step = (struct step){.at_ms = hours(at_h), .kind = kind, .function = find(history, name)};
    return step;
}

static void add_function(struct history *history, const char *name, double saved_ms, unsigned memory_mib,
                         unsigned most)
{
    assert_true(history->function_count < FUNCTIONS_MAX);
    size_t i = history->function_count++;
    snprintf(history->names[i], sizeof(history->names[i]), "%s", name);
    history->uses[i] = (struct warm_use){.cold_starts = &history->starts[i], .most = most, .room = most};
    history->candidates[i] = (struct warm_candidate){.uses = &history->uses[i],
                                                     .use_count = 1,
                                                     .saved_ms = saved_ms,
                                                     .memory_bytes = (uint64_t)memory_mib << 20};
}

#define WORDS_MAX 6

/* The words of a line, which are cut there. */
static size_t split(char *line, char *ret_words[WORDS_MAX])
{
    size_t count = 0;
    line[strcspn(line, "#\n")] = '\0';
    for (char *at = line + strspn(line, " "); *at && count < WORDS_MAX; at += strspn(at, " ")) {
        ret_words[count++] = at;
        at += strcspn(at, " ");
        if (*at)
            *at++ = '\0';
    }
    return count;
}

static double number(const char *word)
{
    return strtod(word, NULL);
}

static unsigned whole(const char *word)
{
    return (unsigned)strtoul(word, NULL, 10);
}

/* "cold FROM_H TO_H EVERY_MIN FUNCTION COUNT" */
static void add_cold_starts(struct history *history, char *const *words)
{
    double every_h = number(words[3]) / 60;
    unsigned times = (unsigned)((number(words[2]) - number(words[1])) / every_h + 1e-6) + 1;
    for (unsigned i = 0; i < times; i++)
        add_step(history, number(words[1]) + i * every_h, STEP_COLD, words[4])->count = whole(words[5]);
}

/* "AT_H FUNCTION INSTANCES REASON" */
static void add_expectation(struct history *history, char *const *words, unsigned line)
{
    struct step *step = add_step(history, number(words[0]), STEP_EXPECT, words[1]);
    step->count = whole(words[2]);
    step->line = line;
    snprintf(step->reason, sizeof(step->reason), "%s", words[3]);
}

static bool read_line(struct history *history, char *line, unsigned line_number)
{
    char *words[WORDS_MAX];
    size_t count = split(line, words);
    const char *what = count > 0 ? words[0] : "";
    if (count == 2 && strcmp(what, "budget") == 0)
        history->budget_bytes = (uint64_t)whole(words[1]) << 20;
    else if (count == 5 && strcmp(what, "function") == 0)
        add_function(history, words[1], number(words[2]), whole(words[3]), whole(words[4]));
    else if (count == 3 && strcmp(what, "deploy") == 0)
        add_step(history, number(words[1]), STEP_DEPLOY, words[2]);
    else if (count == 3 && strcmp(what, "due") == 0)
        add_step(history, number(words[1]), STEP_DUE, words[2]);
    else if (count == 6 && strcmp(what, "cold") == 0)
        add_cold_starts(history, words);
    else if (count == 4)
        add_expectation(history, words, line_number);
    else
        return count == 0;
    return true;
}

static int compare_steps(const void *left, const void *right)
{
    const struct step *a = left, *b = right;
    if (a->at_ms != b->at_ms)
        return a->at_ms < b->at_ms ? -1 : 1;
    if (a->kind != b->kind)
        return a->kind < b->kind ? -1 : 1;
    return 0;
}

static void read_history(struct history *history, const char *name)
{
    char path[512], line[256];
    snprintf(path, sizeof(path), "%s/warm/%s", TEST_DATA_DIR, name);
    FILE *file = fopen(path, "re");
    assert_non_null(file);
    history->name = name;
    for (unsigned at = 1; fgets(line, sizeof(line), file); at++) {
        if (!read_line(history, line, at))
            fail_msg("%s:%u: what is this: %s", name, at, line);
    }
    fclose(file);
    qsort(history->steps, history->step_count, sizeof(*history->steps), compare_steps);
}

static void assert_within(const struct warm_candidate *candidates, const struct warm_share *shares,
                          size_t count, uint64_t budget_bytes)
{
    uint64_t taken = 0;
    for (size_t i = 0; i < count; i++) {
        uint64_t bytes = candidates[i].memory_bytes;
        taken += shares[i].set_aside * (bytes ? bytes : (uint64_t)WARM_GUESS_MIB << 20);
        assert_true(shares[i].instances <= shares[i].set_aside);
        assert_true(shares[i].set_aside <= WARM_KIND_MAX);
    }
    assert_true(taken <= budget_bytes);
}

/* Where all that is set is allowed. */
static void divide(const struct warm_candidate *candidates, size_t count, uint64_t budget_bytes,
                   uint64_t now_ms, struct warm_share *ret_shares)
{
    const struct warm_limits limits = {budget_bytes, budget_bytes};
    warm_plan(candidates, count, &limits, now_ms, ret_shares);
}

/* What is kept is there when the next plan is made. */
static void plan(struct history *history, uint64_t now_ms)
{
    size_t count = history->function_count;
    divide(history->candidates, count, history->budget_bytes, now_ms, history->shares);
    assert_within(history->candidates, history->shares, count, history->budget_bytes);
    for (size_t i = 0; i < count; i++)
        history->candidates[i].held = history->shares[i].set_aside;
}

static void expect(const struct history *history, const struct step *step)
{
    const struct warm_share *share = &history->shares[step->function];
    if (share->instances != step->count || strcmp(warm_reason_name(share->reason), step->reason) != 0)
        fail_msg("%s:%u: %s has %u (%s), expected %u (%s); value %.3f", history->name, step->line,
                 history->names[step->function], share->instances, warm_reason_name(share->reason),
                 step->count, step->reason, share->value);
}

static void play(struct history *history, const struct step *step)
{
    struct warm_use *use = &history->uses[step->function];
    if (step->kind == STEP_DEPLOY)
        use->deployed_ms = step->at_ms;
    if (step->kind == STEP_COLD)
        cold_starts_add(&history->starts[step->function], step->count, step->at_ms);
    if (step->kind == STEP_EXPECT)
        plan(history, step->at_ms);
    if (step->kind == STEP_EXPECT)
        expect(history, step);
}

/* Time alone changes a plan when warm_plan_again_ms() says so. */
static void pass_time(struct history *history, uint64_t from_ms, uint64_t to_ms)
{
    uint64_t at_ms = from_ms;
    for (;;) {
        at_ms = warm_plan_again_ms(history->candidates, history->shares, history->function_count, at_ms);
        if (at_ms >= to_ms)
            break;
        plan(history, at_ms);
    }
}

static void replay(const char *name)
{
    struct history *history = calloc(1, sizeof(*history));
    assert_non_null(history);
    read_history(history, name);
    uint64_t now_ms = BEGIN_MS;
    for (size_t i = 0; i < history->step_count; i++) {
        if (history->steps[i].kind == STEP_DUE) /* known from the beginning */
            history->uses[history->steps[i].function].due_ms = history->steps[i].at_ms;
    }
    for (size_t i = 0; i < history->step_count; i++) {
        pass_time(history, now_ms, history->steps[i].at_ms);
        now_ms = history->steps[i].at_ms;
        play(history, &history->steps[i]);
        plan(history, now_ms);
    }
    for (size_t i = 0; i < history->function_count; i++)
        cold_starts_clear(&history->starts[i]);
    free(history);
}

static void histories_are_followed(void **state)
{
    (void)state;
    DIR *dir = opendir(TEST_DATA_DIR "/warm");
    unsigned played = 0;
    assert_non_null(dir);
    for (const struct dirent *entry; (entry = readdir(dir));) {
        if (entry->d_name[0] == '.')
            continue;
        replay(entry->d_name);
        played++;
    }
    closedir(dir);
    assert_true(played >= 7);
}

/* --- what holds of any plan --- */

static uint64_t chance(uint64_t *seed, uint64_t bound)
{
    *seed ^= *seed << 13;
    *seed ^= *seed >> 7;
    *seed ^= *seed << 17;
    return *seed % bound;
}

#define ANY_MAX 30

struct any {
    struct cold_starts starts[ANY_MAX];
    struct warm_use uses[ANY_MAX];
    struct warm_candidate candidates[ANY_MAX];
    struct warm_share shares[ANY_MAX];
    size_t count;
    uint64_t budget_bytes;
};

static void make_any(struct any *any, uint64_t *seed)
{
    *any = (struct any){.count = chance(seed, ANY_MAX + 1), .budget_bytes = chance(seed, 2000) << 20};
    for (size_t i = 0; i < any->count; i++) {
        uint64_t at_ms = BEGIN_MS;
        for (uint64_t bursts = chance(seed, 50); bursts > 0; bursts--) {
            at_ms += chance(seed, 7200000);
            cold_starts_add(&any->starts[i], (unsigned)chance(seed, 12), at_ms);
        }
        any->uses[i] = (struct warm_use){
            .cold_starts = &any->starts[i],
            .deployed_ms = chance(seed, 2) ? BEGIN_MS + chance(seed, 360000000) : 0,
            .due_ms = chance(seed, 4) ? 0 : BEGIN_MS + chance(seed, 360000000),
            .most = (unsigned)chance(seed, 20),
        };
        any->uses[i].room = (unsigned)chance(seed, any->uses[i].most + 1);
        any->candidates[i] = (struct warm_candidate){.uses = &any->uses[i],
                                                     .use_count = 1,
                                                     .saved_ms = (double)chance(seed, 1000),
                                                     .memory_bytes = chance(seed, 200) << 20,
                                                     .held = (unsigned)chance(seed, 5)};
    }
}

static void assert_sound(const struct any *any, uint64_t now_ms)
{
    assert_within(any->candidates, any->shares, any->count, any->budget_bytes);
    for (size_t i = 0; i < any->count; i++) {
        const struct warm_share *share = &any->shares[i];
        assert_true(share->instances <= any->uses[i].room);
        assert_true(share->expected >= 0 && share->value >= 0);
        assert_true((share->instances > 0) == (share->reason >= WARM_COLD_STARTS));
        assert_true(share->instances == 0 || any->candidates[i].saved_ms >= WARM_LEAST_MS);
    }
    assert_true(warm_plan_again_ms(any->candidates, any->shares, any->count, now_ms) > now_ms);
}

/* A plan that has been carried out is the plan. */
static void assert_settled(struct any *any, uint64_t now_ms)
{
    struct warm_share again[ANY_MAX];
    for (size_t i = 0; i < any->count; i++)
        any->candidates[i].held = any->shares[i].set_aside;
    divide(any->candidates, any->count, any->budget_bytes, now_ms, any->shares);
    for (size_t i = 0; i < any->count; i++)
        any->candidates[i].held = any->shares[i].set_aside;
    divide(any->candidates, any->count, any->budget_bytes, now_ms, again);
    for (size_t i = 0; i < any->count; i++)
        assert_int_equal(again[i].set_aside, any->shares[i].set_aside);
}

static void no_plan_exceeds_anything(void **state)
{
    (void)state;
    uint64_t seed = 88172645463325252u;
    for (unsigned run = 0; run < 3000; run++) {
        struct any any;
        make_any(&any, &seed);
        uint64_t now_ms = BEGIN_MS + chance(&seed, 400000000);
        divide(any.candidates, any.count, any.budget_bytes, now_ms, any.shares);
        assert_sound(&any, now_ms);
        assert_settled(&any, now_ms);
        for (size_t i = 0; i < any.count; i++)
            cold_starts_clear(&any.starts[i]);
    }
}

static void nothing_is_kept_without_memory_for_it(void **state)
{
    (void)state;
    struct cold_starts starts = {0};
    struct warm_share share;
    cold_starts_add(&starts, 3, BEGIN_MS);
    const struct warm_use use = {.cold_starts = &starts, .most = 5, .room = 5};
    const struct warm_candidate candidate = {.uses = &use, .use_count = 1, .saved_ms = 300};
    divide(&candidate, 1, 0, BEGIN_MS, &share);
    assert_int_equal(share.instances, 0);
    assert_int_equal(share.reason, WARM_OFF);
    assert_true(warm_plan_again_ms(&candidate, &share, 1, BEGIN_MS) == UINT64_MAX);
    cold_starts_clear(&starts);
}

/* The setting is not to blame, and it is looked again. */
static void a_machine_that_runs_short_is_told_from_a_setting(void **state)
{
    (void)state;
    struct cold_starts starts = {0};
    struct warm_share share;
    cold_starts_add(&starts, 3, BEGIN_MS);
    const struct warm_use use = {.cold_starts = &starts, .most = 5, .room = 5};
    const struct warm_candidate candidate = {.uses = &use, .use_count = 1, .saved_ms = 300};
    const struct warm_limits limits = {.set_bytes = UINT64_C(1) << 30, .allowed_bytes = 0};
    warm_plan(&candidate, 1, &limits, BEGIN_MS, &share);
    assert_int_equal(share.instances, 0);
    assert_string_equal(warm_reason_name(share.reason), "short-of-memory");
    assert_true(warm_plan_again_ms(&candidate, &share, 1, BEGIN_MS) < UINT64_MAX);
    cold_starts_clear(&starts);
}

/* Of which nobody knows what it takes, as many are kept as a guess allows. */
static void what_is_not_known_is_guessed(void **state)
{
    (void)state;
    struct cold_starts starts = {0};
    struct warm_share share;
    cold_starts_add(&starts, 5, BEGIN_MS);
    const struct warm_use use = {.cold_starts = &starts, .most = 9, .room = 9};
    const struct warm_candidate candidate = {.uses = &use, .use_count = 1, .saved_ms = 300};
    divide(&candidate, 1, (uint64_t)3 * WARM_GUESS_MIB << 20, BEGIN_MS, &share);
    assert_int_equal(share.instances, 3);
    cold_starts_clear(&starts);
}

/* One a minute for hours, of which the newest are remembered: sixty an hour are expected. */
static void a_full_history_speaks_for_its_own_time(void **state)
{
    (void)state;
    struct cold_starts starts = {0};
    struct warm_share share;
    for (unsigned i = 0; i < 600; i++)
        cold_starts_add(&starts, 1, BEGIN_MS + i * UINT64_C(60000));
    const struct warm_use use = {.cold_starts = &starts, .most = 9, .room = 9};
    const struct warm_candidate candidate = {.uses = &use, .use_count = 1, .saved_ms = 300};
    divide(&candidate, 1, UINT64_C(1) << 30, BEGIN_MS + UINT64_C(600) * 60000, &share);
    assert_int_equal(share.instances, 1);
    assert_true(share.expected > 55 && share.expected < 65);
    cold_starts_clear(&starts);
}

/* Two functions that share a kind are expected together. */
static void uses_of_a_kind_add_up(void **state)
{
    (void)state;
    struct cold_starts starts[2] = {0};
    struct warm_share shares[2];
    cold_starts_add(&starts[0], 1, BEGIN_MS);
    cold_starts_add(&starts[1], 1, BEGIN_MS);
    const struct warm_use uses[] = {{.cold_starts = &starts[0], .most = 1, .room = 1},
                                    {.cold_starts = &starts[1], .most = 1, .room = 1}};
    const struct warm_candidate candidates[] = {
        {.uses = uses, .use_count = 2, .saved_ms = 300, .memory_bytes = 40 << 20},
        {.uses = uses, .use_count = 1, .saved_ms = 300, .memory_bytes = 40 << 20},
    };
    divide(candidates, 2, UINT64_C(1) << 30, BEGIN_MS, shares);
    assert_true(shares[0].expected > 1.9 * shares[1].expected);
    assert_int_equal(shares[0].instances, 1);
    cold_starts_clear(&starts[0]);
    cold_starts_clear(&starts[1]);
}

/* Both of its instances are there already, so none is kept for it; they will be gone in a moment. */
static void memory_for_what_is_in_use_is_given_to_nobody(void **state)
{
    (void)state;
    struct cold_starts starts[2] = {0};
    struct warm_share shares[2];
    cold_starts_add(&starts[0], 2, BEGIN_MS);
    cold_starts_add(&starts[0], 2, BEGIN_MS);
    cold_starts_add(&starts[1], 2, BEGIN_MS);
    struct warm_use uses[] = {{.cold_starts = &starts[0], .most = 2, .room = 0},
                              {.cold_starts = &starts[1], .most = 2, .room = 2}};
    const struct warm_candidate candidates[] = {
        {.uses = &uses[0], .use_count = 1, .saved_ms = 300, .memory_bytes = 40 << 20},
        {.uses = &uses[1], .use_count = 1, .saved_ms = 300, .memory_bytes = 40 << 20},
    };
    divide(candidates, 2, UINT64_C(100) << 20, BEGIN_MS, shares);
    assert_int_equal(shares[0].set_aside, 2);
    assert_int_equal(shares[0].instances, 0);
    assert_int_equal(shares[0].reason, WARM_IN_USE);
    assert_int_equal(shares[1].instances, 0);
    assert_true(warm_plan_again_ms(candidates, shares, 2, BEGIN_MS) < UINT64_MAX);
    uses[0].room = 1;
    divide(candidates, 2, UINT64_C(100) << 20, BEGIN_MS, shares);
    assert_int_equal(shares[0].instances, 1);
    assert_int_equal(shares[1].reason, WARM_NO_ROOM);
    cold_starts_clear(&starts[0]);
    cold_starts_clear(&starts[1]);
}

static void what_is_left_of_the_machine_bounds_it(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        uint64_t budget, held, left, machine, allowed;
    } rows[] = {
        {"much is left", 100, 40, 500, 1000, 100},
        {"it grows by what is left beyond enough", 100, 40, 150, 1000, 70},
        {"it does not grow", 100, 40, 90, 1000, 40},
        {"some of it goes", 100, 40, 35, 1000, 15},
        {"all of it goes", 100, 40, 0, 1000, 0},
        {"nobody knows what is left", 100, 40, UINT64_MAX, 1000, 100},
        {"the budget was lowered", 30, 40, 90, 1000, 30},
        {"none", 0, 40, 500, 1000, 0},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        uint64_t allowed =
            warm_budget(rows[i].budget << 20, rows[i].held << 20,
                        rows[i].left == UINT64_MAX ? UINT64_MAX : rows[i].left << 20, rows[i].machine << 20);
        if (allowed >> 20 != rows[i].allowed && (allowed >> 20) + 1 != rows[i].allowed)
            fail_msg("%s: %" PRIu64 ", expected %" PRIu64, rows[i].name, allowed >> 20, rows[i].allowed);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(histories_are_followed),
        cmocka_unit_test(no_plan_exceeds_anything),
        cmocka_unit_test(nothing_is_kept_without_memory_for_it),
        cmocka_unit_test(a_machine_that_runs_short_is_told_from_a_setting),
        cmocka_unit_test(what_is_not_known_is_guessed),
        cmocka_unit_test(a_full_history_speaks_for_its_own_time),
        cmocka_unit_test(uses_of_a_kind_add_up),
        cmocka_unit_test(memory_for_what_is_in_use_is_given_to_nobody),
        cmocka_unit_test(what_is_left_of_the_machine_bounds_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
