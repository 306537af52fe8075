/*
 * strv.h: a growing array of strings, and a growing buffer of bytes.  Both own
 * their contents; a zeroed one is empty.  Functions return 0, or -1 with ENOMEM
 * and the array or buffer unchanged.
 */
#ifndef NSH_STRV_H
#define NSH_STRV_H

#include <stdbool.h>
#include <stddef.h>

struct strv {
	char **items;           /* NULL-terminated unless empty */
	size_t count, capacity;
};

int nsh_strv_add(struct strv *strv, const char *string);
/* Takes ownership of the string, on failure too.  Fails if it is NULL, so that
 * the result of strdup(3) can be passed unchecked. */
int nsh_strv_add_taken(struct strv *strv, char *take_string);
int nsh_strv_copy(struct strv *target, const struct strv *source);
void nsh_strv_remove(struct strv *strv, size_t index);
void nsh_strv_clear(struct strv *strv);

struct buffer {
	char *data;
	size_t size, capacity;
	/* May become large: then its data are a mapping of their own, with huge pages if
	 * the kernel has them, and not from malloc(3).  Page by page, the first access to
	 * new memory can cost more than reading the data. */
	bool may_be_large;
};

/* Makes room for `size` more bytes. */
int nsh_buffer_reserve(struct buffer *buffer, size_t size);
int nsh_buffer_append(struct buffer *buffer, const void *data, size_t size);
int nsh_buffer_append_string(struct buffer *buffer, const char *string);
/* Removes the first `size` bytes. */
void nsh_buffer_drop(struct buffer *buffer, size_t size);
void nsh_buffer_free(struct buffer *buffer);
/* The same, and leaves no copy of the bytes in memory that is used again. */
void nsh_buffer_wipe(struct buffer *buffer);

/* Returns a malloc'd copy of `size` bytes followed by a zero byte, or NULL. */
void *nsh_memdup(const void *data, size_t size);
/* free(3) that keeps errno on every libc. */
void nsh_free_quietly(void *memory);

#endif
