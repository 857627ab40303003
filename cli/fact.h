/* Facts for people: a label and a sentence, in lines of the terminal's width and of 100 characters at most.
 */
#ifndef CLI_FACT_H
#define CLI_FACT_H

/* Begins a part of facts with its title, behind an empty line. */
void fact_part(const char *title);

/* Prints "  label          text". What does not fit into the line goes on below the text. "" as the label: it
 * belongs to the fact before. Control characters become "?". */
void fact_print(const char *label, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
