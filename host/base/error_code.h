/*
 * What can go wrong, in one table: the names that users see, the answer to who calls a function, and whose
 * doing it is. docs/errors.md says the same to users, which the lint compares.
 */
#ifndef BASE_ERROR_CODE_H
#define BASE_ERROR_CODE_H

/* Which part failed. */
#define ERROR_COMPONENTS(X)                                                                                  \
    X(ADMIN, "admin")                                                                                        \
    X(BASE, "base")                                                                                          \
    X(BUILD, "build")                                                                                        \
    X(CALLS, "calls")                                                                                        \
    X(CONFIG, "config")                                                                                      \
    X(CONTAINER, "container")                                                                                \
    X(DOCKER, "docker")                                                                                      \
    X(FILES, "files")                                                                                        \
    X(FIREWALL, "firewall")                                                                                  \
    X(FLEET, "fleet")                                                                                        \
    X(FUNCTION, "function")                                                                                  \
    X(GATEWAY, "gateway")                                                                                    \
    X(HTTP, "http")                                                                                          \
    X(PLUGIN, "plugin")                                                                                      \
    X(RUNNER, "runner")                                                                                      \
    X(TAKEOVER, "takeover")                                                                                  \
    X(USAGE, "usage")

enum error_class {
    ERROR_CLASS_PASSING, /* nobody's fault here, and another try may well succeed */
    ERROR_CLASS_MISSING, /* what was asked for is not there */
    ERROR_CLASS_OWN, /* the function's doing, its settings' or its plugin's: it would happen again */
    ERROR_CLASS_LIMIT, /* a setting's limit was reached */
    ERROR_CLASS_CLIENT, /* the caller's doing */
    ERROR_CLASS_HOST, /* something is wrong with this host, its files or its Docker */
    ERROR_CLASS_INTERNAL, /* no caller is ever told: met at the start, by whoever runs this host, or put into
                             other words */
};

/*
 * X(code, component, slug, status, class)
 *
 * Component NONE: several parts meet it, and each names itself. Slugs never change. The status is what a
 * caller gets who is told that the request was refused, or that the function cannot be served; that an
 * instance failed with the caller's request is a 502, whatever the cause (exchange_fail_instance).
 */
/* clang-format off */
#define ERROR_CODES(X)                                                                      \
    X(ADDRESS_IN_USE,              NONE,      "address-in-use",              503, INTERNAL) \
    X(EXISTS,                      NONE,      "exists",                      503, HOST)     \
    X(IO,                          NONE,      "io",                          503, HOST)     \
    X(NOT_A_DIRECTORY,             NONE,      "not-a-directory",             503, HOST)     \
    X(NOT_A_FILE,                  NONE,      "not-a-file",                  503, HOST)     \
    X(NOT_FOUND,                   NONE,      "not-found",                   503, MISSING)  \
    X(NO_SPACE,                    NONE,      "no-space",                    503, HOST)     \
    X(OUT_OF_RESOURCES,            NONE,      "out-of-resources",            503, HOST)     \
    X(PATH_TOO_LONG,               NONE,      "path-too-long",               503, HOST)     \
    X(PERMISSION,                  NONE,      "permission",                  503, HOST)     \
    X(TOO_LARGE,                   NONE,      "too-large",                   503, HOST)     \
    X(USAGE,                       USAGE,     "usage",                       503, INTERNAL) \
    X(IS_LINK,                     FILES,     "is-link",                     503, INTERNAL) \
    X(NOT_OWN,                     FILES,     "not-own",                     503, INTERNAL) \
    X(NOT_PRIVATE,                 FILES,     "not-private",                 503, INTERNAL) \
    X(NOT_SAFE,                    FILES,     "not-safe",                    503, INTERNAL) \
    X(SECRET_DAMAGED,              FILES,     "secret-damaged",              503, HOST)     \
    X(SECRET_KEY,                  FILES,     "secret-key",                  503, HOST)     \
    X(CREDENTIALS,                 ADMIN,     "credentials",                 401, CLIENT)   \
    X(BAD_CALL,                    ADMIN,     "bad-call",                    400, CLIENT)   \
    X(CALL_LOST,                   ADMIN,     "call-lost",                   409, HOST)     \
    X(CALL_NOT_DEAD,               ADMIN,     "call-not-dead",               409, CLIENT)   \
    X(FUNCTION_EXISTS,             ADMIN,     "function-exists",             409, CLIENT)   \
    X(FOREIGN_ORIGIN,              ADMIN,     "foreign-origin",              403, CLIENT)   \
    X(LOGS_NOT_KEPT,               ADMIN,     "logs-not-kept",               404, MISSING)  \
    X(METHOD_NOT_ALLOWED,          ADMIN,     "method-not-allowed",          405, CLIENT)   \
    X(NAMESPACE_UNKNOWN,           ADMIN,     "namespace-unknown",           404, MISSING)  \
    X(NOT_IMPLEMENTED,             ADMIN,     "not-implemented",             501, CLIENT)   \
    X(OWNED_BY_REGISTRY,           ADMIN,     "owned-by-registry",           409, CLIENT)   \
    X(PATH_UNKNOWN,                ADMIN,     "path-unknown",                404, MISSING)  \
    X(PARAMETER_INVALID,           ADMIN,     "parameter-invalid",           422, CLIENT)   \
    X(REQUEST_UNKNOWN,             ADMIN,     "request-unknown",             404, MISSING)  \
    X(TOO_MANY_READERS,            ADMIN,     "too-many-readers",            503, LIMIT)    \
    X(VOLUME_IN_USE,               ADMIN,     "volume-in-use",               409, CLIENT)   \
    X(VOLUME_NOT_EMPTY,            ADMIN,     "volume-not-empty",            409, CLIENT)   \
    X(VOLUME_UNKNOWN,              ADMIN,     "volume-unknown",              404, MISSING)  \
    X(NO_ROLLBACK,                 ADMIN,     "no-rollback",                 409, CLIENT)   \
    X(SECRET_EXISTS,               ADMIN,     "secret-exists",               409, CLIENT)   \
    X(SECRET_IN_USE,               ADMIN,     "secret-in-use",               409, CLIENT)   \
    X(SECRET_INVALID,              ADMIN,     "secret-invalid",              400, CLIENT)   \
    X(SECRET_UNKNOWN,              ADMIN,     "secret-unknown",              404, MISSING)  \
    X(REVISION_UNKNOWN,            ADMIN,     "revision-unknown",            404, MISSING)  \
    X(CONFIG_UNUSABLE,             CONFIG,    "config-unusable",             503, INTERNAL) \
    X(CONFIG_INVALID_FUNCTION,     CONFIG,    "invalid-function",            503, OWN)      \
    X(UNKNOWN_LANGUAGE,            CONFIG,    "unknown-language",            503, OWN)      \
    X(EVENT_LOOP,                  GATEWAY,   "event-loop",                  503, INTERNAL) \
    X(LISTEN_ADDRESS,              GATEWAY,   "listen-address",              503, INTERNAL) \
    X(FUNCTION_UNKNOWN,            GATEWAY,   "function-unknown",            404, MISSING)  \
    X(NO_FUNCTION_NAMED,           GATEWAY,   "no-function-named",           404, MISSING)  \
    X(PATH_RESERVED,               GATEWAY,   "path-reserved",               404, MISSING)  \
    X(TRACE_NOT_SERVED,            GATEWAY,   "trace-not-served",            405, CLIENT)   \
    X(QUEUE_FULL,                  GATEWAY,   "queue-full",                  503, LIMIT)    \
    X(QUEUE_TIMEOUT,               GATEWAY,   "queue-timeout",               503, LIMIT)    \
    X(CALL_DEPTH,                  GATEWAY,   "call-depth",                  508, LIMIT)    \
    X(CALL_METHOD,                 GATEWAY,   "call-method",                 405, CLIENT)   \
    X(CALL_UPGRADE,                GATEWAY,   "call-upgrade",                400, CLIENT)   \
    X(CALLS_UNAVAILABLE,           GATEWAY,   "calls-unavailable",           503, HOST)     \
    X(BUFFER_MEMORY,               GATEWAY,   "buffer-memory",               503, LIMIT)    \
    X(DAEMON_ENDED,                GATEWAY,   "daemon-ended",                503, INTERNAL) \
    X(CLIENT_TIMEOUT,              GATEWAY,   "client-timeout",              408, CLIENT)   \
    X(CLIENT_TOO_SLOW,             GATEWAY,   "client-too-slow",             408, CLIENT)   \
    X(HEAD_TIMEOUT,                GATEWAY,   "head-timeout",                408, CLIENT)   \
    X(BODY_TIMEOUT,                GATEWAY,   "body-timeout",                408, CLIENT)   \
    X(TLS_ON_PLAIN_PORT,           GATEWAY,   "tls-on-plain-port",           400, CLIENT)   \
    X(HTTP2_UNSUPPORTED,           GATEWAY,   "http2-unsupported",           505, CLIENT)   \
    X(EMPTY_LINES,                 GATEWAY,   "empty-lines",                 400, CLIENT)   \
    X(METHOD_MALFORMED,            GATEWAY,   "method-malformed",            400, CLIENT)   \
    X(CONNECT_UNSUPPORTED,         GATEWAY,   "connect-unsupported",         501, CLIENT)   \
    X(REQUEST_LINE_MALFORMED,      GATEWAY,   "request-line-malformed",      400, CLIENT)   \
    X(TARGET_MALFORMED,            GATEWAY,   "target-malformed",            400, CLIENT)   \
    X(TARGET_NOT_ASCII,            GATEWAY,   "target-not-ascii",            400, CLIENT)   \
    X(TARGET_FRAGMENT,             GATEWAY,   "target-fragment",             400, CLIENT)   \
    X(TARGET_SCHEME,               GATEWAY,   "target-scheme",               400, CLIENT)   \
    X(TARGET_AUTHORITY,            GATEWAY,   "target-authority",            400, CLIENT)   \
    X(TARGET_ASTERISK,             GATEWAY,   "target-asterisk",             400, CLIENT)   \
    X(TARGET_TOO_LONG,             GATEWAY,   "target-too-long",             414, LIMIT)    \
    X(VERSION_MISSING,             GATEWAY,   "version-missing",             400, CLIENT)   \
    X(VERSION_MALFORMED,           GATEWAY,   "version-malformed",           400, CLIENT)   \
    X(VERSION_UNSUPPORTED,         GATEWAY,   "version-unsupported",         505, CLIENT)   \
    X(STATUS_LINE_MALFORMED,       GATEWAY,   "status-line-malformed",       502, OWN)      \
    X(LINE_END,                    GATEWAY,   "line-end",                    400, CLIENT)   \
    X(BARE_CR,                     GATEWAY,   "bare-cr",                     400, CLIENT)   \
    X(HEADER_FOLDING,              GATEWAY,   "header-folding",              400, CLIENT)   \
    X(HEADER_NAME,                 GATEWAY,   "header-name",                 400, CLIENT)   \
    X(HEADER_NAME_SPACE,           GATEWAY,   "header-name-space",           400, CLIENT)   \
    X(HEADER_VALUE,                GATEWAY,   "header-value",                400, CLIENT)   \
    X(HEADER_MALFORMED,            GATEWAY,   "header-malformed",            400, CLIENT)   \
    X(HEAD_TOO_LARGE,              GATEWAY,   "head-too-large",              431, LIMIT)    \
    X(TOO_MANY_HEADERS,            GATEWAY,   "too-many-headers",            431, LIMIT)    \
    X(HOST_MISSING,                GATEWAY,   "host-missing",                400, CLIENT)   \
    X(HOST_SEVERAL,                GATEWAY,   "host-several",                400, CLIENT)   \
    X(HOST_MALFORMED,              GATEWAY,   "host-malformed",              400, CLIENT)   \
    X(EXPECTATION_UNKNOWN,         GATEWAY,   "expectation-unknown",         417, CLIENT)   \
    X(CONTENT_LENGTH_MALFORMED,    GATEWAY,   "content-length-malformed",    400, CLIENT)   \
    X(CONTENT_LENGTH_SEVERAL,      GATEWAY,   "content-length-several",      400, CLIENT)   \
    X(CONTENT_LENGTH_OVERFLOW,     GATEWAY,   "content-length-overflow",     400, CLIENT)   \
    X(FRAMING_AMBIGUOUS,           GATEWAY,   "framing-ambiguous",           400, CLIENT)   \
    X(TRANSFER_ENCODING_HTTP10,    GATEWAY,   "transfer-encoding-http10",    400, CLIENT)   \
    X(TRANSFER_ENCODING_MALFORMED, GATEWAY,   "transfer-encoding-malformed", 400, CLIENT)   \
    X(TRANSFER_ENCODING_UNKNOWN,   GATEWAY,   "transfer-encoding-unknown",   501, CLIENT)   \
    X(BODY_TOO_LARGE,              GATEWAY,   "body-too-large",              413, LIMIT)    \
    X(CHUNK_SIZE,                  GATEWAY,   "chunk-size",                  400, CLIENT)   \
    X(CHUNK_LINE_END,              GATEWAY,   "chunk-line-end",              400, CLIENT)   \
    X(CHUNK_DATA_END,              GATEWAY,   "chunk-data-end",              400, CLIENT)   \
    X(CHUNK_EXTENSION,             GATEWAY,   "chunk-extension",             400, CLIENT)   \
    X(TRAILERS_TOO_LARGE,          GATEWAY,   "trailers-too-large",          431, LIMIT)    \
    X(TRAILERS_MALFORMED,          GATEWAY,   "trailers-malformed",          400, CLIENT)   \
    X(GATEWAY_OUT_OF_MEMORY,       GATEWAY,   "out-of-memory",               503, HOST)     \
    X(TIMEOUT,                     FUNCTION,  "timeout",                     504, LIMIT)    \
    X(DOCKER_ANSWER,               DOCKER,    "docker-answer",               503, HOST)     \
    X(DOCKER_ERROR,                DOCKER,    "docker-error",                503, PASSING)  \
    X(DOCKER_PERMISSION,           DOCKER,    "docker-permission",           503, HOST)     \
    X(DOCKER_REQUEST,              DOCKER,    "docker-request",              503, OWN)      \
    X(DOCKER_SOCKET,               DOCKER,    "docker-socket",               503, INTERNAL) \
    X(DOCKER_TIMEOUT,              DOCKER,    "docker-timeout",              503, PASSING)  \
    X(DOCKER_UNREACHABLE,          DOCKER,    "docker-unreachable",          503, PASSING)  \
    X(DOCKER_ROOTLESS,             DOCKER,    "docker-rootless",             503, HOST)     \
    X(DOCKER_VERSION,              DOCKER,    "docker-version",              503, HOST)     \
    X(BUILD_CONTEXT,               DOCKER,    "build-context",               503, HOST)     \
    X(BUILD_FAILED,                DOCKER,    "build-failed",                503, INTERNAL) \
    X(CONFLICT,                    DOCKER,    "conflict",                    503, HOST)     \
    X(IMAGE_MISSING,               DOCKER,    "image-missing",               503, MISSING)  \
    X(DOCKER_START_TIMEOUT,        DOCKER,    "start-timeout",               503, HOST)     \
    X(BAD_LINK,                    BUILD,     "bad-link",                    503, OWN)      \
    X(BAD_NAME,                    BUILD,     "bad-name",                    503, OWN)      \
    X(BAD_PATH,                    BUILD,     "bad-path",                    503, OWN)      \
    X(BAD_REQUEST,                 BUILD,     "bad-request",                 503, INTERNAL) \
    X(BAD_SOURCE,                  BUILD,     "bad-source",                  503, OWN)      \
    X(BASE_IMAGE_MISSING,          BUILD,     "base-image-missing",          503, MISSING)  \
    X(BUILDING_IMAGE,              BUILD,     "building-image",              503, PASSING)  \
    X(CANCELLED,                   BUILD,     "cancelled",                   503, HOST)     \
    X(CHANGED,                     BUILD,     "changed",                     503, OWN)      \
    X(DEPENDENCY_DISK,             BUILD,     "dependency-disk",             503, LIMIT)    \
    X(DEPENDENCY_INSTALL,          BUILD,     "dependency-install",          503, OWN)      \
    X(DEPENDENCY_MEMORY,           BUILD,     "dependency-memory",           503, LIMIT)    \
    X(DEPENDENCY_TIMEOUT,          BUILD,     "dependency-timeout",          503, LIMIT)    \
    X(FOLDER_REPLACED,             BUILD,     "folder-replaced",             503, OWN)      \
    X(IMAGE_BUILD,                 BUILD,     "image-build",                 503, OWN)      \
    X(IMAGE_FOLDER,                BUILD,     "image-folder",                503, OWN)      \
    X(IMAGE_LOGIN,                 BUILD,     "image-login",                 503, HOST)     \
    X(IMAGE_PULL,                  BUILD,     "image-pull",                  503, PASSING)  \
    X(INSTALLING,                  BUILD,     "installing",                  503, PASSING)  \
    X(INVALID_FUNCTION,            BUILD,     "invalid-function",            503, OWN)      \
    X(JOB_START,                   BUILD,     "job-start",                   503, HOST)     \
    X(NO_SCAFFOLD,                 BUILD,     "no-scaffold",                 503, INTERNAL) \
    X(NOT_STAGED,                  BUILD,     "not-staged",                  503, HOST)     \
    X(PACKAGE_CHANGED,             BUILD,     "package-changed",             503, HOST)     \
    X(PACKAGE_TOO_LARGE,           BUILD,     "package-too-large",           503, OWN)      \
    X(PACKAGING,                   BUILD,     "packaging",                   503, PASSING)  \
    X(PULLING_IMAGE,               BUILD,     "pulling-image",               503, PASSING)  \
    X(QUEUED,                      BUILD,     "queued",                      503, PASSING)  \
    X(REVISION_GONE,               BUILD,     "revision-gone",               503, HOST)     \
    X(SPECIAL_FILE,                BUILD,     "special-file",                503, OWN)      \
    X(SYSTEM_PACKAGES,             BUILD,     "system-packages",             503, OWN)      \
    X(TOO_DEEP,                    BUILD,     "too-deep",                    503, OWN)      \
    X(TOO_LONG,                    BUILD,     "too-long",                    503, OWN)      \
    X(CALL_ENDED,                  CALLS,     "call-ended",                  409, CLIENT)   \
    X(CALL_NO_RESULT,              CALLS,     "call-no-result",              404, MISSING)  \
    X(CALL_NOT_ENDED,              CALLS,     "call-not-ended",              404, MISSING)  \
    X(CALL_UNKNOWN,                CALLS,     "call-unknown",                404, MISSING)  \
    X(CALLS_FULL,                  CALLS,     "calls-full",                  503, LIMIT)    \
    X(IDEMPOTENCY_CONFLICT,        CALLS,     "idempotency-conflict",        422, CLIENT)   \
    X(IDEMPOTENCY_KEY,             CALLS,     "idempotency-key",             400, CLIENT)   \
    X(CALLS_DAMAGED,               CALLS,     "calls-damaged",               503, HOST)     \
    X(CALLS_DISK_FULL,             CALLS,     "calls-disk-full",             503, HOST)     \
    X(CALLS_STORE,                 CALLS,     "calls-store",                 503, HOST)     \
    X(PLUGIN_ABI,                  PLUGIN,    "plugin-abi",                  503, OWN)      \
    X(PLUGIN_CONTRACT,             PLUGIN,    "plugin-contract",             503, OWN)      \
    X(PLUGIN_CRASHED,              PLUGIN,    "plugin-crashed",              503, OWN)      \
    X(PLUGIN_FAILED,               PLUGIN,    "plugin-failed",               503, OWN)      \
    X(PLUGIN_LOAD,                 PLUGIN,    "plugin-load",                 503, OWN)      \
    X(PLUGIN_NAME_TAKEN,           PLUGIN,    "plugin-name-taken",           503, INTERNAL) \
    X(PLUGIN_OUTPUT,               PLUGIN,    "plugin-output",               503, OWN)      \
    X(PLUGIN_PROTOCOL,             PLUGIN,    "plugin-protocol",             503, OWN)      \
    X(PLUGIN_TIMEOUT,              PLUGIN,    "plugin-timeout",              503, LIMIT)    \
    X(CONTAINER_EXITED,            CONTAINER, "container-exited",            503, OWN)      \
    X(CONTAINER_GONE,              CONTAINER, "container-gone",              503, PASSING)  \
    X(CONTAINER_KILLED,            CONTAINER, "container-killed",            503, PASSING)  \
    X(OUT_OF_MEMORY,               CONTAINER, "out-of-memory",               503, LIMIT)    \
    X(LOAD_FAILED,                 RUNNER,    "load-failed",                 503, OWN)      \
    X(RUNNER_GONE,                 RUNNER,    "runner-gone",                 503, OWN)      \
    X(RUNNER_LOST,                 RUNNER,    "runner-lost",                 502, PASSING)  \
    X(RUNNER_PROTOCOL,             RUNNER,    "runner-protocol",             503, OWN)      \
    X(UPGRADE_UNASKED,             RUNNER,    "upgrade-unasked",             502, OWN)      \
    X(EGRESS_UNAVAILABLE,          FIREWALL,  "egress-unavailable",          503, HOST)     \
    X(FIREWALL_UNAVAILABLE,        FIREWALL,  "firewall-unavailable",        503, HOST)     \
    X(HOST_FULL,                   FLEET,     "host-full",                   503, LIMIT)    \
    X(INSTANCE_REMOVED,            FLEET,     "instance-removed",            503, PASSING)  \
    X(IN_USE,                      FLEET,     "in-use",                      503, INTERNAL) \
    X(NO_ROOM,                     FLEET,     "no-room",                     503, LIMIT)    \
    X(REMOVED,                     FLEET,     "removed",                     503, MISSING)  \
    X(RUNTIME_UNKNOWN,             FLEET,     "runtime-unknown",             503, OWN)      \
    X(SECRET_MISSING,              FLEET,     "secret-missing",              503, OWN)      \
    X(STARTING,                    FLEET,     "starting",                    503, PASSING)  \
    X(NO_ADDRESS,                  FLEET,     "no-address",                  503, HOST)     \
    X(START_TIMEOUT,               FLEET,     "start-timeout",               503, LIMIT)    \
    X(STATE_DAMAGED,               FLEET,     "state-damaged",               503, INTERNAL) \
    X(VOLUME,                      FLEET,     "volume",                      503, OWN)      \
    X(CALLBACK_URL,                CALLS,     "callback-url",                400, CLIENT)   \
    X(TAKEOVER_MESSAGE,            TAKEOVER,  "message",                     503, INTERNAL) \
    X(TAKEOVER_REFUSED,            TAKEOVER,  "refused",                     503, INTERNAL) \
    X(UPGRADE_UNDER_WAY,           TAKEOVER,  "under-way",                   409, HOST)     \
    X(UPGRADE_FAILED,              TAKEOVER,  "upgrade-failed",              502, HOST)

enum error_component {
    COMPONENT_NONE,
#define ERROR_COMPONENT(component, name) COMPONENT_##component,
    ERROR_COMPONENTS(ERROR_COMPONENT)
#undef ERROR_COMPONENT
    COMPONENT_COUNT
};

enum error_code {
    ERROR_NONE,
#define ERROR_CODE(code, component, slug, status, class) ERROR_##code,
    ERROR_CODES(ERROR_CODE)
#undef ERROR_CODE
    ERROR_CODE_COUNT
};
/* clang-format on */

/* All of these: any thread; texts are static, and "" for what is no error. */

const char *error_component_name(enum error_component component);

const char *error_code_slug(enum error_code code);
enum error_component error_code_component(enum error_code code);
int error_code_status(enum error_code code);
enum error_class error_code_class(enum error_code code);

/* The error that has these names, of those of this very component or of those that several meet. -1: there is
 * none. */
int error_code_find(const char *component, const char *slug, enum error_component *ret_component,
                    enum error_code *ret_code);

#endif
