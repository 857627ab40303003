/* Why libyaml could not read a file, for people. */
#ifndef CONFIG_YAML_PROBLEM_H
#define CONFIG_YAML_PROBLEM_H

#include "config/reporter.h"
#include "config/yaml_position.h"

#include <yaml.h>

/* Reports the problem that a failed parser holds: its place, what it is, and what usually helps. */
void yaml_problem_report(const yaml_parser_t *parser, struct yaml_position *cursor,
                         struct reporter *reporter);

#endif
