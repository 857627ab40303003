#include "plugin_test/outcome.h"

#include <stdarg.h>
#include <stdio.h>

void outcome_pass(struct outcome *outcome, const char *format, ...)
{
    va_list args;
    *outcome = (struct outcome){.verdict = VERDICT_PASSED};
    va_start(args, format);
    vsnprintf(outcome->text, sizeof(outcome->text), format, args);
    va_end(args);
}

void outcome_skip(struct outcome *outcome, const char *format, ...)
{
    va_list args;
    *outcome = (struct outcome){.verdict = VERDICT_SKIPPED};
    va_start(args, format);
    vsnprintf(outcome->text, sizeof(outcome->text), format, args);
    va_end(args);
}

void outcome_fail(struct outcome *outcome, const char *advice, const char *format, ...)
{
    va_list args;
    *outcome = (struct outcome){.verdict = VERDICT_FAILED};
    va_start(args, format);
    vsnprintf(outcome->text, sizeof(outcome->text), format, args);
    va_end(args);
    snprintf(outcome->advice, sizeof(outcome->advice), "%s", advice);
}

static const struct {
    enum error_code code;
    const char *advice;
} advices[] = {
    {ERROR_PLUGIN_LOAD,
     "build it as a shared object with nothing undefined, and export berth_plugin_entry()"},
    {ERROR_PLUGIN_ABI, "fill the description as berth/plugin.h says"},
    {ERROR_PLUGIN_CONTRACT, "keep what berth/plugin.h says of the call"},
    {ERROR_PLUGIN_FAILED,
     "-1 is for what the plugin itself cannot do: what is wrong with the function's files is a "
     "diagnostic, to be reported, and 0"},
    {ERROR_PLUGIN_CRASHED, "the callback that is named must end by returning, whatever it finds"},
    {ERROR_PLUGIN_TIMEOUT,
     "nothing that was asked of it takes long: it waits for something, or runs in a circle"},
    {ERROR_PLUGIN_OUTPUT, "write nothing to standard output or error: findings are diagnostics"},
    {ERROR_PLUGIN_PROTOCOL, "leave descriptors alone that the plugin has not opened"},
};

void outcome_fail_job(struct outcome *outcome, const struct error *err)
{
    const char *advice = err->hint;
    for (size_t i = 0; i < sizeof(advices) / sizeof(*advices); i++) {
        if (advices[i].code == err->code)
            advice = advices[i].advice;
    }
    outcome_fail(outcome, advice, "%s", err->message);
}
