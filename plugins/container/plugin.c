/* The container plugin: any web server, from an image or a Dockerfile. */
#include "dockerfile.h"
#include "image_name.h"
#include "words.h"

#include <berth/plugin.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define DEFAULT_DOCKERFILE "Dockerfile"
#define DOCKERFILE_MAX     (1u << 20)

/* Room for requests, each with a connection of its own when it has to be: what any server has. */
#define CONCURRENCY 100

static const struct berth_option options[] = {
    {
        .name = "image",
        .type = BERTH_OPTION_STRING,
        .min = 1,
        .max = 512,
        .help = "The image that the function runs; one that is not on this machine is pulled.",
        .flags = BERTH_OPTION_NO_FOLDER,
    },
    {
        .name = "dockerfile",
        .type = BERTH_OPTION_STRING,
        .min = 1,
        .max = 512,
        .help = "The Dockerfile in the function's folder that its image is built from, in place of `image`.",
    },
    {
        .name = "port",
        .type = BERTH_OPTION_INTEGER,
        .default_value = "8080",
        .min = 1,
        .max = 65535,
        .help = "The port that its server listens on, on all addresses of the container.",
    },
    {
        .name = "command",
        .type = BERTH_OPTION_STRING,
        .min = 1,
        .max = 4096,
        .help = "What is run in place of the image's entrypoint and command: words parted by blanks, with "
                "quotes and backslashes, and no shell.",
    },
    {
        .name = "ready",
        .type = BERTH_OPTION_STRING,
        .min = 1,
        .max = 512,
        .help = "A path that is answered below 400 once the server can serve; left out, it is ready when its "
                "port takes a connection.",
    },
};

/* A job, and what is reported of its function. */
struct look {
    const struct berth_host *host;
    struct berth_job *job;
    const struct berth_function *function;
};

static int fail(struct berth_error *err, const char *message, const char *hint)
{
    snprintf(err->message, sizeof(err->message), "%s", message);
    snprintf(err->hint, sizeof(err->hint), "%s", hint);
    return -1;
}

static void report(const struct look *look, struct berth_diagnostic diagnostic)
{
    diagnostic.struct_size = sizeof(diagnostic);
    if (diagnostic.severity == 0)
        diagnostic.severity = BERTH_SEVERITY_ERROR;
    look->host->report(look->job, &diagnostic);
}

static const char *option(const struct look *look, const char *name)
{
    return look->host->option(look->job, name);
}

static unsigned port_of(const struct look *look)
{
    const char *port = option(look, "port");
    return port ? (unsigned)strtoul(port, NULL, 10) : 8080;
}

/* --- the Dockerfile --- */

/* -1: it cannot be opened, or there is none. */
static int open_folder(const struct look *look)
{
    const char *folder = look->function->folder;
    return folder ? open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
}

static bool has_file(const struct look *look, const char *name)
{
    int folder = open_folder(look);
    bool there = folder >= 0 && faccessat(folder, name, R_OK, 0) == 0;
    if (folder >= 0)
        close(folder);
    return there;
}

/* The Dockerfile that is to be built; NULL: an image is named, or nothing is. */
static const char *dockerfile_of(const struct look *look)
{
    const char *named = option(look, "dockerfile");
    if (named || option(look, "image"))
        return named;
    return has_file(look, DEFAULT_DOCKERFILE) ? DEFAULT_DOCKERFILE : NULL;
}

/* -1, errno: it cannot be read, with 0 when it is no plain file. */
static ssize_t read_file(const struct look *look, const char *name, char *text, size_t size)
{
    struct stat status;
    int folder = open_folder(look);
    int fd = folder < 0 ? -1 : openat(folder, name, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    ssize_t length = -1;
    if (fd >= 0 && fstat(fd, &status) == 0) {
        errno = 0;
        if (S_ISREG(status.st_mode))
            length = read(fd, text, size);
    }
    int errnum = errno;
    if (fd >= 0)
        close(fd);
    if (folder >= 0)
        close(folder);
    errno = errnum;
    return length;
}

static bool exposes(const struct dockerfile *file, unsigned port)
{
    for (size_t i = 0; i < file->port_count; i++) {
        if (file->ports[i] == port)
            return true;
    }
    return file->port_count == 0 || file->port_is_unclear;
}

static void report_read(const struct look *look, const char *name, const struct dockerfile *file)
{
    char message[128];
    unsigned port = port_of(look);
    if (file->problem[0])
        report(look, (struct berth_diagnostic){.file = name,
                                               .line = file->line,
                                               .column = file->column,
                                               .message = file->problem,
                                               .hint = file->hint});
    if (exposes(file, port))
        return;
    snprintf(message, sizeof(message), "the image exposes port %u, and requests are sent to port %u",
             file->ports[0], port);
    report(look, (struct berth_diagnostic){.severity = BERTH_SEVERITY_WARNING,
                                           .file = name,
                                           .line = file->port_line,
                                           .column = 1,
                                           .message = message,
                                           .hint = "set `port` to the one that the server listens on"});
}

static int check_dockerfile(const struct look *look, const char *name, struct berth_error *err)
{
    char message[640];
    char *text = malloc(DOCKERFILE_MAX);
    if (!text)
        return fail(err, "memory is out", "");
    ssize_t size = read_file(look, name, text, DOCKERFILE_MAX);
    if (size < 0) {
        snprintf(message, sizeof(message), "the Dockerfile %s cannot be read: %s", name,
                 errno ? strerror(errno) : "it is not a plain file");
        report(look, (struct berth_diagnostic){.message = message,
                                               .hint = "name it as it is found from the function's folder",
                                               .option = "dockerfile"});
    } else {
        struct dockerfile file;
        dockerfile_read(text, (size_t)size, &file);
        report_read(look, name, &file);
    }
    free(text);
    return 0;
}

/* --- the options --- */

static int check_source(const struct look *look, struct berth_error *err)
{
    const char *image = option(look, "image"), *dockerfile = dockerfile_of(look);
    char message[640];
    if (image && option(look, "dockerfile")) {
        report(look, (struct berth_diagnostic){.message = "both an image and a Dockerfile are named",
                                               .hint = "leave one of them out",
                                               .option = "image"});
        return 0;
    }
    if (dockerfile)
        return check_dockerfile(look, dockerfile, err);
    if (!image) {
        report(look, (struct berth_diagnostic){
                         .message = "neither an image nor a Dockerfile is named, and there is no Dockerfile",
                         .hint = "set `image`, or put a Dockerfile into the function's folder"});
        return 0;
    }
    const char *problem = image_name_problem(image);
    if (problem) {
        snprintf(message, sizeof(message), "\"%.300s\" is no name of an image: %s", image, problem);
        report(look, (struct berth_diagnostic){.message = message,
                                               .hint = "write NAME, NAME:TAG or HOST:PORT/NAME:TAG",
                                               .option = "image"});
    }
    return 0;
}

/* The command's words in *ret_text, which the caller frees; NULL: the image's own. */
static enum words_result command_of(const struct look *look, char **ret_text,
                                    const char *words[WORDS_MAX + 1])
{
    const char *command = option(look, "command");
    *ret_text = command ? strdup(command) : NULL;
    return *ret_text ? words_split(*ret_text, words) : WORDS_GOOD;
}

static void check_command(const struct look *look)
{
    static const char *const problems[] = {
        [WORDS_NONE] = "the command is empty",
        [WORDS_OPEN_QUOTE] = "a quote in the command is not closed",
        [WORDS_OPEN_BACKSLASH] = "nothing stands behind the last backslash of the command",
        [WORDS_TOO_MANY] = "the command has more than 128 words",
    };
    const char *words[WORDS_MAX + 1];
    char *text;
    enum words_result result = command_of(look, &text, words);
    if (result == WORDS_GOOD && text && !*words[0])
        result = WORDS_NONE;
    if (result != WORDS_GOOD)
        report(look, (struct berth_diagnostic){.message = problems[result],
                                               .hint = "no shell runs it; for one write sh -c '...'",
                                               .option = "command"});
    free(text);
}

static void check_ready(const struct look *look)
{
    const char *ready = option(look, "ready");
    if (!ready)
        return;
    const char *problem = NULL;
    if (*ready != '/')
        problem = "the path of `ready` does not begin with a slash";
    for (const char *c = ready; *c && !problem; c++) {
        if (*c <= ' ' || *c > '~' || strchr("\"#<>\\^`{|}", *c))
            problem = "the path of `ready` has a character that no request can have there";
    }
    if (problem)
        report(look, (struct berth_diagnostic){
                         .message = problem, .hint = "write it as in /healthz", .option = "ready"});
}

static int validate(const struct berth_host *host, struct berth_job *job,
                    const struct berth_function *function, struct berth_error *err)
{
    const struct look look = {host, job, function};
    if (function->file)
        report(&look, (struct berth_diagnostic){
                          .message = "a container has no entry file: what it runs is in its image",
                          .hint = "leave base_function_file_name out; `dockerfile` names a Dockerfile"});
    check_command(&look);
    check_ready(&look);
    return check_source(&look, err);
}

static int package(const struct berth_host *host, struct berth_job *job,
                   const struct berth_function *function, struct berth_error *err)
{
    const struct look look = {host, job, function};
    const char *dockerfile = dockerfile_of(&look);
    int rc = dockerfile         ? host->add_build_context(job, function->folder, dockerfile)
             : function->folder ? host->add_folder(job, "", function->folder, NULL)
                                : 0;
    if (rc < 0)
        return fail(err, "the folder cannot be packaged", "");
    return 0;
}

static int launch(const struct berth_host *host, struct berth_job *job, const struct berth_function *function,
                  struct berth_error *err)
{
    const struct look look = {host, job, function};
    const char *words[WORDS_MAX + 1];
    char *text;
    if (command_of(&look, &text, words) != WORDS_GOOD) {
        free(text);
        return fail(err, "the command has changed since it was checked", "deploy again");
    }
    const struct berth_launch description = {
        .struct_size = sizeof(description),
        .image = option(&look, "image"),
        .command = text ? words : NULL,
        .concurrency = CONCURRENCY,
        .transport = BERTH_TRANSPORT_TCP,
        .port = (uint16_t)port_of(&look),
        .ready_path = option(&look, "ready"),
        .dockerfile = dockerfile_of(&look),
    };
    int rc = host->set_launch(job, &description);
    free(text);
    return rc < 0 ? fail(err, "the host refused the launch description", "") : 0;
}

/* --- a new function --- */

static const char sample_dockerfile[] =
    "# Any image with a web server will do, as long as it listens on the port that PORT names (8080 unless\n"
    "# `port` says otherwise), on all addresses, and runs as any user with files that cannot be changed:\n"
    "# /tmp can be written to.\n"
    "ARG BERTH_BASE\n"
    "FROM ${BERTH_BASE}\n"
    "RUN apt-get update \\\n"
    "    && apt-get install -y --no-install-recommends python3-minimal libpython3-stdlib \\\n"
    "    && rm -rf /var/lib/apt/lists/*\n"
    "COPY server.py /srv/server.py\n"
    "EXPOSE 8080\n"
    "CMD [\"python3\", \"/srv/server.py\"]\n";

static const char sample_server[] =
    "\"\"\"A web server that needs nothing but Python: it says hello, and sends back what it is sent, as it "
    "comes.\"\"\"\n"
    "import os\n"
    "import signal\n"
    "import threading\n"
    "from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer\n"
    "\n"
    "\n"
    "class Handler(BaseHTTPRequestHandler):\n"
    "    protocol_version = \"HTTP/1.1\"\n"
    "    disable_nagle_algorithm = True  # nothing that is written waits for more\n"
    "\n"
    "    def do_GET(self):\n"
    "        hello = b\"Hello from a container\\n\"\n"
    "        self.begin(\"Content-Length\", len(hello))\n"
    "        self.wfile.write(hello)\n"
    "\n"
    "    def do_POST(self):\n"
    "        if self.headers.get(\"Transfer-Encoding\", \"\").lower() == \"chunked\":\n"
    "            self.begin(\"Transfer-Encoding\", \"chunked\")\n"
    "            for piece in self.chunks():\n"
    "                self.wfile.write(b\"%x\\r\\n%s\\r\\n\" % (len(piece), piece))\n"
    "            self.wfile.write(b\"0\\r\\n\\r\\n\")\n"
    "        else:\n"
    "            length = int(self.headers.get(\"Content-Length\", 0))\n"
    "            self.begin(\"Content-Length\", length)\n"
    "            for piece in self.pieces(length):\n"
    "                self.wfile.write(piece)\n"
    "\n"
    "    def begin(self, name, value):\n"
    "        self.send_response(200)\n"
    "        self.send_header(\"Content-Type\", \"text/plain; charset=utf-8\")\n"
    "        self.send_header(name, value)\n"
    "        self.end_headers()\n"
    "\n"
    "    def pieces(self, length):\n"
    "        while length > 0:\n"
    "            piece = self.rfile.read1(min(length, 65536))\n"
    "            if not piece:\n"
    "                raise ConnectionError(\"the request ends in the middle\")\n"
    "            length -= len(piece)\n"
    "            yield piece\n"
    "\n"
    "    def chunks(self):\n"
    "        while size := int(self.rfile.readline(64).split(b\";\")[0], 16):\n"
    "            yield from self.pieces(size)\n"
    "            self.rfile.readline(64)\n"
    "        while self.rfile.readline(65536).strip():\n"
    "            pass  # trailers\n"
    "\n"
    "\n"
    "class Server(ThreadingHTTPServer):\n"
    "    request_queue_size = 128  # as many connections may come at once as an instance gets requests\n"
    "    daemon_threads = False  # requests under way are finished before it ends\n"
    "\n"
    "\n"
    "server = Server((\"\", int(os.environ.get(\"PORT\", \"8080\"))), Handler)\n"
    "signal.signal(signal.SIGTERM, lambda *_: threading.Thread(target=server.shutdown).start())\n"
    "server.serve_forever()\n"
    "server.server_close()\n";

static int scaffold(const struct berth_host *host, struct berth_job *job,
                    const struct berth_function *function, struct berth_error *err)
{
    (void)function;
    if (host->add_file(job, DEFAULT_DOCKERFILE, sample_dockerfile, sizeof(sample_dockerfile) - 1, 0) < 0 ||
        host->add_file(job, "server.py", sample_server, sizeof(sample_server) - 1, 0) < 0)
        return fail(err, "the sample cannot be written", "");
    return 0;
}

static const struct berth_plugin plugin = {
    .struct_size = sizeof(plugin),
    .abi_major = BERTH_ABI_MAJOR,
    .abi_minor = BERTH_ABI_MINOR,
    .name = "container",
    .version = PLUGIN_VERSION,
    BERTH_OPTIONS(options),
    .validate = validate,
    .package = package,
    .launch = launch,
    .scaffold = scaffold,
};

const struct berth_plugin *berth_plugin_entry(void)
{
    return &plugin;
}
