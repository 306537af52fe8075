/*
 * strv.h: a growing list of strings, and a growing run of bytes.  Both own
 * what they hold; a zeroed one is empty.  Functions return 0, or -1 with
 * ENOMEM, and then leave the list as it was.
 */
#ifndef NSH_STRV_H
#define NSH_STRV_H

#include <stddef.h>

struct strv {
	char **items;           /* NULL-terminated once something was added */
	size_t count, capacity;
};

int nsh_strv_add(struct strv *strv, const char *string);
/* Takes the string over, on failure too; NULL is a failure. */
int nsh_strv_add_taken(struct strv *strv, char *take_string);
int nsh_strv_copy(struct strv *target, const struct strv *source);
void nsh_strv_remove(struct strv *strv, size_t index);
void nsh_strv_clear(struct strv *strv);

struct buffer {
	char *data;
	size_t size, capacity;
};

/* Room for `size` more bytes behind the end. */
int nsh_buffer_reserve(struct buffer *buffer, size_t size);
int nsh_buffer_append(struct buffer *buffer, const void *data, size_t size);
int nsh_buffer_append_string(struct buffer *buffer, const char *string);
/* Takes the first `size` bytes away. */
void nsh_buffer_drop(struct buffer *buffer, size_t size);
void nsh_buffer_free(struct buffer *buffer);
/* The same, and the bytes are overwritten first. */
void nsh_buffer_wipe(struct buffer *buffer);

/* malloc'd copy of `size` bytes with a zero behind, or NULL. */
void *nsh_memdup(const void *data, size_t size);

#endif
