#include "cli/doctor.h"

#include <stdarg.h>
#include <stdio.h>

void doctor_conclude(struct look *look, enum verdict verdict, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(look->found, sizeof(look->found), format, args);
    va_end(args);
    look->verdict = verdict;
}

void doctor_advise(struct look *look, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(look->advice, sizeof(look->advice), format, args);
    va_end(args);
}
