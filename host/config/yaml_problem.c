#include "config/yaml_problem.h"

#include <stdint.h>
#include <string.h>

/* What to do about a problem that libyaml names. */
static const struct {
    const char *problem, *hint;
} problem_hints[] = {
    {"did not find expected key", "the keys of one mapping begin in the same column"},
    {"did not find expected '-' indicator", "the items of one list begin in the same column"},
    {"mapping values are not allowed in this context",
     "check the indentation; a value that contains \": \" needs quotes"},
    {"could not find expected ':'", "a key ends with a colon and a space"},
    {"found character that cannot start any token", "a value that begins with @, ` or % needs quotes"},
    {"found unexpected end of stream", "a quote or bracket is opened and never closed"},
    {"did not find expected ',' or '}'", "a brace is opened and never closed, or a comma is missing"},
    {"did not find expected ',' or ']'", "a bracket is opened and never closed, or a comma is missing"},
    {"found unknown escape character",
     "in double quotes a backslash is written twice; single quotes take it as it is"},
};

static const char *hint_for(const char *problem)
{
    for (size_t i = 0; i < sizeof(problem_hints) / sizeof(*problem_hints); i++) {
        if (strcmp(problem, problem_hints[i].problem) == 0)
            return problem_hints[i].hint;
    }
    return NULL;
}

/* A tab in the indentation of the line that holds byte `offset`: its offset, or SIZE_MAX. */
static size_t tab_in_indentation(const char *text, size_t size, size_t offset)
{
    size_t begin = offset < size ? offset : size;
    while (begin > 0 && text[begin - 1] != '\n')
        begin--;
    while (begin < size && text[begin] == ' ')
        begin++;
    return begin < size && text[begin] == '\t' ? begin : SIZE_MAX;
}

/* An open quote or bracket is found missing at the end of the file: where it was opened says more. */
static bool points_to_context(const yaml_parser_t *parser)
{
    return parser->context && strcmp(parser->problem, "found unexpected end of stream") == 0;
}

static void report_syntax(const yaml_parser_t *parser, struct yaml_position *cursor,
                          struct reporter *reporter)
{
    const char *hint = hint_for(parser->problem);
    struct position at = yaml_position_of(cursor, parser->problem_mark.index);
    if (!parser->context) {
        reporter_error(reporter, at, hint, "not YAML: %s", parser->problem);
        return;
    }
    struct position context = yaml_position_of(cursor, parser->context_mark.index);
    if (points_to_context(parser))
        reporter_error(reporter, context, hint, "not YAML: %s %s", parser->problem, parser->context);
    else
        reporter_error(reporter, at, hint, "not YAML: %s %s that begins on line %u", parser->problem,
                       parser->context, context.line);
}

void yaml_problem_report(const yaml_parser_t *parser, struct yaml_position *cursor, struct reporter *reporter)
{
    const char *text = cursor->text;
    if (!parser->problem) {
        reporter_error(reporter, (struct position){0}, NULL, "not enough memory to read the file");
    } else if (parser->error == YAML_READER_ERROR) {
        struct position at = yaml_position_of_byte(text, cursor->size, parser->problem_offset);
        reporter_error(reporter, at, "the file must be UTF-8 text", "not YAML: %s", parser->problem);
    } else {
        yaml_position_of(cursor, parser->problem_mark.index);
        size_t tab = tab_in_indentation(text, cursor->size, cursor->offset);
        if (tab == SIZE_MAX)
            report_syntax(parser, cursor, reporter);
        else
            reporter_error(reporter, yaml_position_of_byte(text, cursor->size, tab), "indent with spaces",
                           "not YAML: a tab cannot indent a line");
    }
}
