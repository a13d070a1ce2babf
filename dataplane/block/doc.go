// Package block is the memory that messages carry: blocks in one mapping outside the
// garbage collector's sight, named by index.
//
// An allocation names the octets it needs behind its headroom, and gets a block that
// holds them: 2,048 octets for a frame, some cells or the beginning of a PDU, 16 KiB for a
// jumbo frame, 128 KiB for the longest SDU. Data in a block is contiguous; what outgrows
// its block moves to a larger one (Grow).
//
//	memory     |<- Headroom ->|<-- data -->|<---- Tail ---->|
//	           0              rd           wr             size
//	           Prepend takes from here ^   ^ Extend from here
//
// Three kinds of block have no memory of their own: a duplicate shows another block's, an
// external block somebody else's until it is freed, and a loan a kernel ring's slot until
// put returns. Whoever keeps a loan copies it (Keep).
//
// Each hub has a Pool, its share of the arena, which only that hub uses. A block that is
// handed to another hub comes home by a ring with room for all of them:
//
//	hub that frees                     the block's own hub
//	  Free     into the ring
//	  SendHome publishes, once a pass    TakeHome puts them back
//
// With the build tag hubdebug a ledger follows every block: see Debug.
package block
