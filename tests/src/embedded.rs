//! The embedded pair, broker and registry, inside the test process.
