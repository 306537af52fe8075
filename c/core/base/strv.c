#include "strv.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "noshell.h"

int nsh_strv_add_taken(struct strv *strv, char *take_string)
{
	if (!take_string)
		return -1;
	/* One more than the count for the NULL at the end. */
	if (strv->count + 2 > strv->capacity) {
		size_t capacity = strv->capacity ? strv->capacity * 2 : 16;
		char **items = realloc(strv->items, capacity * sizeof *items);

		if (!items) {
			free(take_string);
			return -1;
		}
		strv->items = items;
		strv->capacity = capacity;
	}
	strv->items[strv->count++] = take_string;
	strv->items[strv->count] = NULL;
	return 0;
}

int nsh_strv_add(struct strv *strv, const char *string)
{
	return nsh_strv_add_taken(strv, strdup(string));
}

/* All or nothing: the target is written only if every string was copied. */
int nsh_strv_copy(struct strv *target, const struct strv *source)
{
	struct strv copy = { NULL, 0, 0 };

	for (size_t i = 0; i < source->count; i++) {
		if (nsh_strv_add(&copy, source->items[i]) == 0)
			continue;
		nsh_strv_clear(&copy);
		return -1;
	}
	*target = copy;
	return 0;
}

void nsh_strv_remove(struct strv *strv, size_t index)
{
	free(strv->items[index]);
	memmove(strv->items + index, strv->items + index + 1,
		(strv->count - index) * sizeof *strv->items);
	strv->count--;
}

void nsh_strv_clear(struct strv *strv)
{
	for (size_t i = 0; i < strv->count; i++)
		free(strv->items[i]);
	free(strv->items);
	*strv = (struct strv){ NULL, 0, 0 };
}

void nsh_strv_free(char **strings)
{
	for (char **s = strings; s && *s; s++)
		free(*s);
	free(strings);
}

enum { LARGE = 4 << 20 };

static bool is_mapped(const struct buffer *buffer)
{
	return buffer->may_be_large && buffer->capacity >= LARGE;
}

/* Releases the data. */
static void release(const struct buffer *buffer)
{
	if (is_mapped(buffer))
		(void)munmap(buffer->data, buffer->capacity);
	else
		free(buffer->data);
}

/* Moves the buffer's bytes to a new mapping.  Returns it, or NULL. */
static char *map_copy(const struct buffer *buffer, size_t capacity)
{
	char *data = mmap(NULL, capacity, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (data == MAP_FAILED)
		return NULL;
	nsh_use_huge_pages(data, capacity);
	if (buffer->size > 0)
		memcpy(data, buffer->data, buffer->size);
	release(buffer);
	return data;
}

static char *resized(const struct buffer *buffer, size_t capacity)
{
	char *data;

	if (!buffer->may_be_large || capacity < LARGE)
		return realloc(buffer->data, capacity);
	if (!is_mapped(buffer))
		return map_copy(buffer, capacity);
	data = mremap(buffer->data, buffer->capacity, capacity, MREMAP_MAYMOVE);
	/* realloc(3) also copies if mremap(2) fails: a seccomp filter may deny it. */
	return data == MAP_FAILED ? map_copy(buffer, capacity) : data;
}

int nsh_buffer_reserve(struct buffer *buffer, size_t size)
{
	size_t capacity = buffer->capacity ? buffer->capacity : 256;
	char *data;

	if (buffer->capacity - buffer->size >= size)
		return 0;
	/* Doubling cannot overflow below this. */
	if (size > SIZE_MAX / 4 || buffer->size > SIZE_MAX / 4) {
		errno = ENOMEM;
		return -1;
	}
	while (capacity - buffer->size < size)
		capacity *= 2;
	data = resized(buffer, capacity);
	if (!data)
		return -1;
	buffer->data = data;
	buffer->capacity = capacity;
	return 0;
}

int nsh_buffer_append(struct buffer *buffer, const void *data, size_t size)
{
	if (nsh_buffer_reserve(buffer, size) < 0)
		return -1;
	if (size > 0)
		memcpy(buffer->data + buffer->size, data, size);
	buffer->size += size;
	return 0;
}

int nsh_buffer_append_string(struct buffer *buffer, const char *string)
{
	return nsh_buffer_append(buffer, string, strlen(string));
}

void nsh_buffer_drop(struct buffer *buffer, size_t size)
{
	if (size > buffer->size)
		size = buffer->size;
	if (size == 0)
		return;
	buffer->size -= size;
	memmove(buffer->data, buffer->data + size, buffer->size);
}

void nsh_buffer_free(struct buffer *buffer)
{
	release(buffer);
	*buffer = (struct buffer){ .may_be_large = buffer->may_be_large };
}

void nsh_buffer_wipe(struct buffer *buffer)
{
	/* The whole capacity: nsh_buffer_drop leaves bytes after the end.  The kernel
	 * clears the pages of a mapping before they are used again. */
	if (buffer->data && !is_mapped(buffer))
		explicit_bzero(buffer->data, buffer->capacity);
	nsh_buffer_free(buffer);
}

void nsh_use_huge_pages(void *memory, size_t size)
{
	enum { PAGE = 4096, HUGE = 2 << 20 };
	uintptr_t start = ((uintptr_t)memory + PAGE - 1) & ~(uintptr_t)(PAGE - 1);
	uintptr_t end = ((uintptr_t)memory + size) & ~(uintptr_t)(PAGE - 1);

	if (end >= start + HUGE)
		(void)madvise((void *)start, end - start, MADV_HUGEPAGE);
}

void *nsh_memdup(const void *data, size_t size)
{
	char *copy = malloc(size + 1);

	if (!copy)
		return NULL;
	if (size > 0)
		memcpy(copy, data, size);
	copy[size] = 0;
	return copy;
}

void nsh_free_quietly(void *memory)
{
	int saved = errno;

	free(memory);
	errno = saved;
}
