//! MATLAB files of version 5, after "MAT-File Format" (The MathWorks).

use super::zlib;

const UINT8: u32 = 2;
const DOUBLE: u32 = 9;
const MATRIX: u32 = 14;
const COMPRESSED: u32 = 15;

/// A file of variables.
pub(crate) fn file(variables: &[Vec<u8>]) -> Vec<u8> {
    let mut file = b"MATLAB 5.0 MAT-file, written by a test".to_vec();
    file.resize(124, b' ');
    file.extend([0, 1, b'I', b'M']);
    file.extend(variables.concat());
    file
}

/// A variable as `-v7` saves it.
pub(crate) fn compressed(variable: &[u8]) -> Vec<u8> {
    let content = zlib(variable);
    [&COMPRESSED.to_le_bytes()[..], &(content.len() as u32).to_le_bytes(), &content].concat()
}

pub(crate) fn bytes(name: &str, shape: &[i32], values: &[u8]) -> Vec<u8> {
    matrix(9, name, shape, &[element(UINT8, values)])
}

pub(crate) fn doubles(name: &str, shape: &[i32], values: &[f64]) -> Vec<u8> {
    let values: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
    matrix(6, name, shape, &[element(DOUBLE, &values)])
}

/// A row of characters, two bytes each.
pub(crate) fn text(name: &str, text: &str) -> Vec<u8> {
    let units: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
    matrix(4, name, &[1, text.len() as i32], &[element(4, &units)])
}

pub(crate) fn cells(name: &str, cells: &[Vec<u8>]) -> Vec<u8> {
    matrix(1, name, &[1, cells.len() as i32], cells)
}

/// Structs whose fields' values follow each other, struct by struct.
pub(crate) fn structs(name: &str, fields: &[&str], values: &[Vec<u8>]) -> Vec<u8> {
    let names: Vec<u8> =
        fields.iter().flat_map(|field| format!("{field:\0<32}").into_bytes()).collect();
    let count = (values.len() / fields.len()) as i32;
    let head = [element(5, &32i32.to_le_bytes()), element(1, &names)].concat();
    matrix(2, name, &[1, count], &[vec![head], values.to_vec()].concat())
}

/// A cell that nobody filled.
pub(crate) fn empty() -> Vec<u8> {
    element(MATRIX, &[])
}

fn matrix(class: u8, name: &str, shape: &[i32], content: &[Vec<u8>]) -> Vec<u8> {
    let shape: Vec<u8> = shape.iter().flat_map(|size| size.to_le_bytes()).collect();
    let flags = element(6, &[class, 0, 0, 0, 0, 0, 0, 0]);
    element(
        MATRIX,
        &[flags, element(5, &shape), element(1, name.as_bytes()), content.concat()].concat(),
    )
}

/// Tag, content, padding; up to four bytes stand in the tag.
fn element(kind: u32, content: &[u8]) -> Vec<u8> {
    let length = content.len() as u32;
    let mut element = if (1..=4).contains(&length) {
        (kind | length << 16).to_le_bytes().to_vec()
    } else {
        [kind.to_le_bytes(), length.to_le_bytes()].concat()
    };
    element.extend_from_slice(content);
    element.resize(element.len().next_multiple_of(8), 0);
    element
}
