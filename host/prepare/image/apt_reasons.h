/* Why apt-get did not install a function's system packages, from what it wrote. Any thread. */
#ifndef PREPARE_IMAGE_APT_REASONS_H
#define PREPARE_IMAGE_APT_REASONS_H

#include "config/diagnostic.h"
#include "config/package_list.h"

/* Adds an error for each of its reasons in `output` that names one of the packages, and when none does one
 * that says `otherwise`. Their option is SYSTEM_PACKAGE_OPTION and the package's name, of the last no name.
 */
void apt_reasons_find(const char *output, const struct package_list *packages, const char *otherwise,
                      struct diagnostics *ret_findings);

#endif
