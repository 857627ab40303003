/* What goes on in a run: which functions there are, who asks for them, and what goes wrong when. */
#ifndef SIM_SCENARIO_H
#define SIM_SCENARIO_H

#include <stdbool.h>

enum errand {
    ERRAND_NONE,
    ERRAND_RESTART, /* the daemon is to end, and the next one to begin */
    ERRAND_RELEASE, /* the same, but it leaves its instances */
    ERRAND_UPGRADE, /* and what is open of them is handed over */
    ERRAND_CRASH /* it is killed */
};

/* Chooses the functions and writes the registry. */
void scenario_begin(void);

/* From now on things go on, by the agenda, until scenario_has_ended(). */
void scenario_start(void);
bool scenario_has_ended(void);

/* What the run is to do with the daemon; asked once a turn, which forgets it. */
enum errand scenario_errand(void);

/* Nothing goes wrong any more; what has gone wrong stays as it is. */
void scenario_heal(void);

/* What has gone wrong is right again: the registry, and another version of each function, which nothing keeps
 * from being deployed. */
void scenario_renew(void);

/* A request for each function. How many there are. */
unsigned scenario_ask_all(void);

/* Whether every function has as many instances as it is to have when nobody asks for it; `text` says what is
 * not as it should be. */
bool scenario_is_idle(char *text, unsigned size);

/* Whether as many instances are prewarmed as are to be, or there is no room for another one. */
bool scenario_is_prewarmed(char *text, unsigned size);

/* Whether a container is there that no instance stands for. */
bool scenario_has_stray(char *text, unsigned size);

/* Whether what serves is what the files say. */
void scenario_check_served(void);

#endif
