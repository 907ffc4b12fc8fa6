//! The opcodes of pickle, by name.

/// Why an opcode is not accepted.
pub(super) enum Refusal {
    /// It calls or constructs something.
    Call(&'static str),
    /// It is harmless but `torch.save` does not write it.
    Unused(&'static str),
    /// There is no such opcode.
    Unknown,
}

/// Opcodes that the machine does not have.
pub(super) fn refusal(opcode: u8) -> Refusal {
    match opcode {
        b'i' => Refusal::Call("INST"),
        b'o' => Refusal::Call("OBJ"),
        0x82 => Refusal::Call("EXT1"),
        0x83 => Refusal::Call("EXT2"),
        0x84 => Refusal::Call("EXT4"),
        0x92 => Refusal::Call("NEWOBJ_EX"),
        0x93 => Refusal::Call("STACK_GLOBAL"),
        b'P' => Refusal::Call("PERSID"),
        b'0' => Refusal::Unused("POP"),
        b'1' => Refusal::Unused("POP_MARK"),
        b'2' => Refusal::Unused("DUP"),
        b'F' => Refusal::Unused("FLOAT"),
        b'I' => Refusal::Unused("INT"),
        b'L' => Refusal::Unused("LONG"),
        b'S' => Refusal::Unused("STRING"),
        b'T' => Refusal::Unused("BINSTRING"),
        b'U' => Refusal::Unused("SHORT_BINSTRING"),
        b'V' => Refusal::Unused("UNICODE"),
        b'd' => Refusal::Unused("DICT"),
        b'g' => Refusal::Unused("GET"),
        b'l' => Refusal::Unused("LIST"),
        b'p' => Refusal::Unused("PUT"),
        b'B' => Refusal::Unused("BINBYTES"),
        b'C' => Refusal::Unused("SHORT_BINBYTES"),
        0x8b => Refusal::Unused("LONG4"),
        0x8c => Refusal::Unused("SHORT_BINUNICODE"),
        0x8d => Refusal::Unused("BINUNICODE8"),
        0x8e => Refusal::Unused("BINBYTES8"),
        0x8f => Refusal::Unused("EMPTY_SET"),
        0x90 => Refusal::Unused("ADDITEMS"),
        0x91 => Refusal::Unused("FROZENSET"),
        0x94 => Refusal::Unused("MEMOIZE"),
        0x95 => Refusal::Unused("FRAME"),
        0x96 => Refusal::Unused("BYTEARRAY8"),
        0x97 => Refusal::Unused("NEXT_BUFFER"),
        0x98 => Refusal::Unused("READONLY_BUFFER"),
        _ => Refusal::Unknown,
    }
}
