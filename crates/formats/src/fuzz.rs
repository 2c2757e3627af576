//! Entry points for bytes that nobody vouches for.
