/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Buffered byte streams over sockets on a libuv loop: what control, its peers, SIMCO
 * and the managers' protocol are built on, over Unix sockets as they are or over TCP
 * with TLS (tls.h). Output of one turn of the loop leaves in one write. SIGPIPE need
 * not be ignored.
 */
#ifndef MNAT_STREAM_H
#define MNAT_STREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <uv.h>

struct mnat_stream;

struct mnat_stream_ops {
	/*
	 * Bytes received and not yet consumed. Returns how many it took, 0 if it needs
	 * more, or -errno: the stream cannot be followed further, ended() is next.
	 */
	ssize_t (*received)(struct mnat_stream *stream, const uint8_t *buf, size_t len,
			    void *user);
	/* All output has been written. May be NULL. */
	void (*drained)(struct mnat_stream *stream, void *user);
	/*
	 * There will be no more input. error 0: the other side has closed its half and
	 * may still read (an error may follow, once). Otherwise the stream is of no
	 * further use: it is to be closed.
	 */
	void (*ended)(struct mnat_stream *stream, int error, void *user);
};

/*
 * A stream on a connected socket; takes fd over when it succeeds. max_in: the most
 * bytes kept unconsumed; more without consumption ends it with -EMSGSIZE.
 */
int mnat_stream_new(uv_loop_t *loop, int fd, size_t max_in, const struct mnat_stream_ops *ops,
		    void *user, struct mnat_stream **ret_stream);

/* Hand the stream to another user, who gets what comes from now on. */
void mnat_stream_hand_over(struct mnat_stream *stream, size_t max_in,
			   const struct mnat_stream_ops *ops, void *user);

/* Write what can be written at once and close. No call back comes after this. */
void mnat_stream_close(struct mnat_stream *stream);

/*
 * Append output: room for len bytes (NULL: no memory), of which commit says how many
 * were used. Discarded when the stream has ended with an error.
 */
uint8_t *mnat_stream_reserve(struct mnat_stream *stream, size_t len);
void mnat_stream_commit(struct mnat_stream *stream, size_t len);

/* Have drained() called in the next turn of the loop even if there is no output. */
void mnat_stream_kick(struct mnat_stream *stream);

/* Bytes committed and not yet written. */
size_t mnat_stream_backlog(const struct mnat_stream *stream);

/* Stop and resume reading; on resuming, bytes already here are offered again. */
void mnat_stream_pause(struct mnat_stream *stream, bool paused);

/*
 * What stands between a stream and its socket and changes the bytes: TLS. All but
 * free() are called by the stream only while it is open.
 */
struct mnat_stream_layer {
	/* Bytes from the socket. -errno: the stream has failed (what it left to fetch is sent). */
	int (*feed)(void *layer, const uint8_t *buf, size_t len);
	/* Bytes for the user: how many, 0: none now, -ESHUTDOWN: an orderly end, or -errno. */
	ssize_t (*read)(void *layer, uint8_t *buf, size_t size);
	/* The user's bytes: how many it took, 0: not yet, or -errno. */
	ssize_t (*write)(void *layer, const uint8_t *buf, size_t len);
	/* Bytes for the socket: how many. */
	size_t (*fetch)(void *layer, uint8_t *buf, size_t size);
	/* The user closes: whatever is to be said last is left to fetch. */
	void (*close)(void *layer);
	void (*free)(void *layer);
};

/* Before anything was sent or received; the layer is the stream's from now on. */
void mnat_stream_set_layer(struct mnat_stream *stream, const struct mnat_stream_layer *ops,
			   void *layer);

#endif
