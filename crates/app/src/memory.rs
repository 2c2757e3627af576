//! Memory given back to the system.
//!
//! The allocator keeps what is dropped for the next call, which is what calls want; of a model that was read or went it would
//! keep many megabytes until some thread happens to ask for as much. So whoever loads and unloads says when that is done.
//! (mimalloc's `mi_collect`: pages that are empty go back to their arenas, and free ranges of these to the system.)
#![allow(unsafe_code)]

/// Gives back what no thread holds. Takes milliseconds where there is much: not for threads that answer.
pub fn give_back() {
    // SAFETY: it has no preconditions; any thread may call it at any time, and it touches free memory alone.
    unsafe { libmimalloc_sys::mi_collect(true) }
}
