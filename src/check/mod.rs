//! Every op against the oracle.
