//! One suite on both homes.
