/* What must hold all the time. A rule that is broken ends the run: trace_violation(). */
#ifndef SIM_RULES_H
#define SIM_RULES_H

struct log_field;
struct slot;

/* A daemon begins, or has ended: what is remembered of instances is forgotten. */
void rules_forget(void);

/* An event of the daemon's log. */
void rules_on_event(const char *event, const struct log_field *fields);

/* A turn of the event loop is over. */
void rules_on_turn(void);

/* A request has got a slot, at once (which tells more), and has given it back. */
void rules_slot_given(struct slot *slot, const char *function);
void rules_slot_taken_at_once(const struct slot *slot);
void rules_slot_released(const struct slot *slot);
void rules_no_slots(void);

/* When nothing is to happen any more: the engine has the containers that the fleet has instances, and no
 * other. */
void rules_at_rest(void);

/* When the fleet has ended. */
void rules_at_end(void);

#endif
