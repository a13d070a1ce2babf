/*
 * The doorbell: two producers, each with a ring of its own, wake one consumer
 * that sleeps on an eventfd and on a device. doorbell.go is the program;
 * README.md maps each step to it. A producer may stop for ever after any
 * pass, so a lost wake-up is an end state in which a ring holds entries and
 * the consumer sleeps: spin reports it as an invalid end state.
 *
 *	spin -run -m1000000 doorbell.pml
 *
 * Each fault, put before -run, must make it fail:
 *	-DNO_RECHECK     the consumer sleeps without looking again
 *	-DRECHECK_FIRST  it looks again before it arms, not after
 *	-DFLAG_FIRST     the producer reads the flag before it publishes
 *	-DREAD_ARMED     the eventfd is read between Arm and sleep
 *	-DNO_SWAP        the flag is cleared by a store, not a swap
 *	-DRELEASE_STORE  the publishing store may pass the load of the flag, as
 *	                 a release store may; with -DFENCE between the two it
 *	                 must hold again
 */

#define P 2			/* producers */
#define C 2			/* entries a ring holds; spsc.pml is about the ring itself */

byte inbox[P];			/* published and not yet taken */
bool asleep;			/* the flag */
bool eventfd, device;		/* readable */
#define idle (inbox[0] == 0 && inbox[1] == 0)
byte told;			/* producers told to wake since Arm */

#ifdef RELEASE_STORE
bool buffered[P];		/* a store that the others do not see yet */
#define PUBLISH(i) DRAINED(i) -> buffered[i] = true
#define DRAINED(i) (!buffered[i])
active [P] proctype storebuffer()
{
end:	do
	:: atomic { buffered[_pid] -> inbox[_pid]++; buffered[_pid] = false }
	od
}
#define FIRST P
#else
#define PUBLISH(i) inbox[i]++
#define DRAINED(i) true
#define FIRST 0
#endif

active [P] proctype producer()
{
	byte me = _pid - FIRST;
	bool ring;

	do
	:: inbox[me] < C ->
#ifdef FLAG_FIRST
		ring = asleep;
		PUBLISH(me);
#else
		PUBLISH(me);				/* Publish */
#ifdef FENCE
		DRAINED(me);
#endif
		ring = asleep;				/* NeedsWake: Load */
#endif
		if
		:: ring ->
#ifdef NO_SWAP
			asleep = false; told++;
#else
			atomic {			/* NeedsWake: Swap */
				DRAINED(me) -> ring = asleep; asleep = false;
				if
				:: ring -> told++
				:: else
				fi
			};
#endif
			if
			:: ring -> eventfd = true	/* the write, as late as it likes */
			:: else
			fi;
			ring = false
		:: else
		fi
	:: break
	od
}

active proctype port()
{
	do
	:: device = true
	:: break
	od
}

inline recheck()
{
	work = false; i = 0;
	do
	:: i < P -> work = work || inbox[i] > 0; i++
	:: else -> i = 0; break
	od
}

active proctype consumer()
{
	byte i;
	bool work;

	do
	::	do						/* drain every inbox */
		:: i < P -> inbox[i] = 0; i++
		:: else -> i = 0; break
		od;
#ifdef RECHECK_FIRST
		recheck();
#endif
		atomic { assert(told <= 1); told = 0; asleep = true };	/* Arm */
#ifdef NO_RECHECK
		work = false;
#endif
#if !defined(NO_RECHECK) && !defined(RECHECK_FIRST)
		recheck();
#endif
#ifdef READ_ARMED
		eventfd = false;
#endif
		if
		:: work
		:: !work ->
			if					/* epoll_wait */
			:: eventfd || device
			:: timeout && idle -> break		/* all have stopped: a good end */
			fi
		fi;
		if						/* read the eventfd before Disarm, */
		:: eventfd = false
		:: skip
		fi;
		asleep = false;					/* Disarm */
		if						/* or after it */
		:: eventfd = false
		:: skip
		fi;
		device = false
	od
}
