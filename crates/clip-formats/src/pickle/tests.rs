//! Pickles by hand: what becomes a shell, and what is refused whatever stands around it.

use super::*;
use std::path::Path;

fn read(bytes: &[u8]) -> Result<Pickle<'_>, String> {
    load(Path::new("m.pt"), "data.pkl", bytes, Names::Torch).map_err(|error| error.to_string())
}

#[test]
fn calls_of_foreign_names_leave_shells_that_remember_the_name() {
    for bytes in [
        b"\x80\x02cargparse\nNamespace\n)\x81}X\x01\0\0\0aK\x01sb.".as_slice(),
        b"\x80\x02cargparse\nNamespace\n)R}X\x01\0\0\0aK\x01sb.",
        b"\x80\x04\x8c\x08argparse\x94\x8c\x09Namespace\x94\x93\x94)}\x92\x94}\x8c\x01a\x94K\x01sb.",
        b"(iargparse\nNamespace\nNI1\nN(lV\\n\n00000}S'a'\nI1\nsb.",
        b"(cargparse\nNamespace\no}U\x01aL1L\nsb.",
    ] {
        let pickle = read(bytes).unwrap_or_else(|error| panic!("{error}: {bytes:?}"));
        let Value::Object(object) = pickle.root() else { panic!("{:?}", pickle.root()) };
        assert!(matches!(pickle.attribute(object, "a"), Some(Value::Int(1))), "{bytes:?}");
        assert_eq!(pickle.shells(), ["argparse.Namespace"]);
    }
}

#[test]
fn names_that_run_code_are_refused_even_where_nothing_calls_them() {
    for bytes in [
        b"\x80\x02cos\nsystem\n.".as_slice(),
        b"\x80\x04\x8c\x05posix\x94\x8c\x06system\x94\x93.",
        b"\x80\x02c__builtin__\ngetattr\nctorch.serialization\nos\nX\x06\0\0\0system\x86R.",
        b"\x80\x02]cbuiltins\nexec\na.",
    ] {
        let error = read(bytes).err().unwrap();
        assert!(error.contains("nothing was executed"), "{error}");
    }
}

#[test]
fn opcodes_that_reach_outside_and_lengths_that_lie_are_refused() {
    for (bytes, problem) in [
        (b"\x80\x02\x82\x01.".as_slice(), "a registered extension"),
        (b"\x80\x05\x97.", "reaches outside the pickle"),
        (b"\x80\x04\x95\xff\0\0\0\0\0\0\0N.", "a frame of 255 bytes, 2 follow"),
        (b"\x80\x02\x8b\xff\xff\xff\xff.", "an integer of -1 bytes"),
        (b"\x80\x06N.", "pickle protocol 6, expected at most 5"),
        (b"\x80\x02K\x01}b.", "BUILD of an integer from a dictionary"),
    ] {
        let error = read(bytes).err().unwrap();
        assert!(error.contains(problem), "{error}");
    }
}

#[test]
fn a_large_dictionary_copied_again_and_again_meets_the_limit() {
    // A list of 1000 pairs, made a dictionary 5000 times.
    let mut bytes = b"\x80\x02]q\0(".to_vec();
    bytes.extend(b"K\x01K\x02\x86".repeat(1000));
    bytes.extend(b"e0");
    bytes.extend(b"ccollections\nOrderedDict\nh\0\x85R0".repeat(5000));
    bytes.extend(b"N.");
    assert!(read(&bytes).err().unwrap().contains("copied values"));
}

fn cifar(bytes: &[u8]) -> Result<Pickle<'_>, String> {
    load(Path::new("test_batch"), "", bytes, Names::Numpy).map_err(|error| error.to_string())
}

#[test]
fn names_beside_arrays_are_refused_and_not_called() {
    for bytes in [b"cos\nsystem\n(U\x02lstR.".as_slice(), b"ccollections\nOrderedDict\n)R."] {
        let error = cifar(bytes).err().unwrap();
        assert!(error.contains("` is not one of CIFAR's names"), "{error}");
    }
}

#[test]
fn nesting_costs_no_recursion_and_counts_are_bounded() {
    assert!(cifar(&[&[b'('; 3_000_000][..], b"."].concat()).is_err());
    assert!(cifar(&[&[b']'; 100_000][..], &[b'a'; 99_999], b"."].concat()).is_ok());
    assert!(cifar(&[&b"N"[..], &[0x85; 100_000], b"."].concat()).is_ok());
    let wide = [&[b']'; 5_000_000][..], b"."].concat();
    assert!(cifar(&wide).err().unwrap().contains("more than"), "no limit");
}

#[test]
fn file_cut_short_says_where() {
    assert!(cifar(b"\x80\x02}q\x01U\x05ab").err().unwrap().contains("at byte"));
}

#[test]
fn numbers_keep_their_signs() {
    for (bytes, value) in
        [(b"J\xff\xff\xff\xff.".as_slice(), -1), (b"\x8a\x02\xfe\xff.", -2), (b"\x8a\x00.", 0)]
    {
        assert!(matches!(cifar(bytes).unwrap().root(), Value::Int(found) if *found == value));
    }
}
