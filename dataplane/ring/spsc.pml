/*
 * The ring: one producer, one consumer, cached indices, wrapping indices.
 * ring.go is the program; README.md maps each step to it.
 *
 *	spin -run -m1000000 spsc.pml              safety, every reachable state
 *	spin -run -DNP -l -f -m1000000 spsc.pml   both fair: entries flow for ever
 *
 * Each fault, put before -run, must make the first command fail, and the last
 * fault the second:
 *	-DPUBLISH_EARLY   the index is stored before the slot
 *	-DRELEASE_EARLY   the slot is given back before it is read
 *	-DLIMIT_PLUS_ONE  the producer believes in one slot more
 *	-DODD_WRAP        the indices wrap at no multiple of the capacity
 *	-DNO_RELEASE      the consumer keeps its slots
 */

#ifndef N
#define N 4			/* capacity */
#endif
#ifdef ODD_WRAP
#define M (2 * N + 1)		/* the indices wrap here ... */
#else
#define M (2 * N)		/* ... in the program at 2^64 */
#endif
#define V (N + 1)		/* the values sent wrap here: a slot's next value is not its last */

#ifdef LIMIT_PLUS_ONE
#define ROOM (N + 1)
#else
#define ROOM N
#endif

#define MINUS(a, b) ((M + (a) - (b)) % M)

byte tail, head;		/* the atomic words */
byte slot[N];			/* plain memory ... */
bool busy[N];			/* ... that only one side may touch at a time: no data race */

inline enter(s) { d_step { s = next % N; assert(!busy[s]); busy[s] = true } }
inline leave(s) { d_step { busy[s] = false; s = 0 } }

active proctype producer()
{
	byte next, limit = ROOM, sent, value, s;

	do
	::	/* Free, or PutBatch wanting more than is known: look early, or do not */
		if
		:: limit = (head + ROOM) % M
		:: skip
		fi;
		do
		:: next == limit ->
			limit = (head + ROOM) % M;
			assert(MINUS(limit, next) <= ROOM);
			if
			:: next == limit -> break		/* full */
			:: else
			fi
		:: next != limit ->				/* Put */
#ifdef PUBLISH_EARLY
			tail = (next + 1) % M;
#endif
			enter(s);
			slot[s] = value;
			leave(s);
			d_step { next = (next + 1) % M; value = (value + 1) % V };
			if
			:: skip					/* another one */
			:: break
			fi
		od;
		if
		:: next != sent -> sent = next; tail = next	/* Publish */
		:: else
		fi
	od
}

active proctype consumer()
{
	byte next, limit, freed, expected, s;

	do
	::	if
		:: limit = tail					/* Len, Empty, GetBatch */
		:: skip
		fi;
		do
		:: next == limit ->
			limit = tail;
			assert(MINUS(limit, next) <= N);
			if
			:: next == limit -> break		/* empty */
			:: else
			fi
		:: next != limit ->				/* Get */
#ifdef RELEASE_EARLY
			head = (next + 1) % M;
#endif
			enter(s);
progress_take:		assert(slot[s] == expected);
			leave(s);
			d_step { next = (next + 1) % M; expected = (expected + 1) % V };
			if
			:: skip
			:: break
			fi
		od;
#ifndef NO_RELEASE
		if
		:: next != freed -> freed = next; head = next	/* Release */
		:: else
		fi
#endif
	od
}
