//! CLIP's tokenizer: the reference's text repair, byte-level BPE and decoding, exactly.
