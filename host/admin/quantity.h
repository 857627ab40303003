/* Quantities as the clients of the /system contract write them: "20Mi", "1G", "100m", "0.5". */
#ifndef ADMIN_QUANTITY_H
#define ADMIN_QUANTITY_H

/* Reads one. -1: it is none, or negative. */
int quantity_read(const char *text, double *ret_number);

#endif
