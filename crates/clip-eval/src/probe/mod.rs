//! The linear probe: multinomial logistic regression on frozen features. PROTOCOL_EVAL 7.2.
