//! Whole-loop tests of the real `cortex` binary: this library only starts it, stops it, and reads what it prints.
