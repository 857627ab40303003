/* Where the daemon keeps things when nobody says, for whoever looks for them: of root and of other users. */
#ifndef BASE_DEFAULT_DIR_H
#define BASE_DEFAULT_DIR_H

/* "/var/lib/berth", or below $XDG_STATE_HOME or ~/.local/state. The caller frees it. */
char *default_state_dir(void);

/* "/run/berth", or below $XDG_RUNTIME_DIR or ~/.cache. The caller frees it. */
char *default_run_dir(void);

/* "/etc/berth/secret.key", or below $XDG_CONFIG_HOME or ~/.config. The caller frees it. */
char *default_secret_key_file(void);

#endif
