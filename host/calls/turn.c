#include "calls/turn.h"

#include "base/alloc.h"
#include "store/call_store.h"

#include <stdlib.h>

TAILQ_HEAD(turn_steps, turn_step);

struct turn {
    struct call_store *store;
    bool begun, failed, lasts;
    struct error failure; /* of one that has failed */
    struct turn_steps steps;
    unsigned step_count;
};

struct turn *turn_create(struct call_store *store)
{
    struct turn *turn = xcalloc(1, sizeof(*turn));
    turn->store = store;
    TAILQ_INIT(&turn->steps);
    return turn;
}

void turn_destroy(struct turn *turn)
{
    free(turn);
}

int turn_fail(struct turn *turn, const struct error *err)
{
    if (!turn->failed)
        turn->failure = *err;
    turn->failed = true;
    return -1;
}

int turn_enter(struct turn *turn, struct call_store **ret_store, struct error *err)
{
    struct error refusal;
    if (!turn->failed && !turn->begun && call_store_begin(turn->store, &refusal) < 0)
        turn_fail(turn, &refusal);
    if (turn->failed) {
        *err = turn->failure;
        return -1;
    }
    turn->begun = true;
    *ret_store = turn->store;
    return 0;
}

void turn_must_last(struct turn *turn)
{
    turn->lasts = true;
}

bool turn_lasts(const struct turn *turn)
{
    return turn->lasts;
}

void turn_then(struct turn *turn, struct turn_step *step)
{
    TAILQ_INSERT_TAIL(&turn->steps, step, link);
    turn->step_count++;
}

unsigned turn_steps(const struct turn *turn)
{
    return turn->step_count;
}

bool turn_is_open(const struct turn *turn)
{
    return turn->begun || turn->failed || turn->step_count > 0;
}

static enum turn_commit conclude(struct turn *turn)
{
    if (!turn->begun)
        return TURN_NOT_COMMITTED;
    if (turn->failed) {
        call_store_roll_back(turn->store);
        return TURN_NOT_COMMITTED;
    }
    turn->failed = call_store_commit(turn->store, turn->lasts, &turn->failure) < 0;
    if (turn->failed)
        return TURN_NOT_COMMITTED;
    return turn->lasts ? TURN_SYNCED : TURN_COMMITTED;
}

/* What the steps do belongs to the next turn. */
enum turn_commit turn_end(struct turn *turn)
{
    struct turn_steps steps = TAILQ_HEAD_INITIALIZER(steps);
    struct turn_step *step;
    enum turn_commit commit = conclude(turn);
    struct error failure = turn->failure;
    bool failed = turn->failed;
    TAILQ_CONCAT(&steps, &turn->steps, link);
    turn->begun = turn->failed = turn->lasts = false;
    turn->step_count = 0;
    while ((step = queue_take_first(&steps, link)))
        step->done(step, failed ? &failure : NULL);
    return commit;
}
