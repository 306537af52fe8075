/*
 * capability.h: capabilities by name and number (capabilities(7)).  The names
 * come from libcap-ng; a build without it knows numbers only.
 */
#ifndef NSH_CAPABILITY_H
#define NSH_CAPABILITY_H

#include <stdbool.h>
#include <stddef.h>

/* Numbers are below this: a set is a 64-bit word, bit n is capability n. */
enum { NSH_CAPABILITIES = 64 };

/* True if this build knows the names. */
bool nsh_capability_names_available(void);
/* Returns the number of "net_raw" or "CAP_NET_RAW"; -1 if it is unknown. */
int nsh_capability_number(const char *name);
/* Writes the name, or the number if the name is unknown. */
void nsh_capability_name(int number, char *text, size_t size);
/* Returns the highest capability of this kernel. */
int nsh_capability_last(void);

#endif
