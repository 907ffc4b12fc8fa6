//! What a variable holds.

/// A variable, a cell or a field.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// Numbers, with the array's shape.
    Numbers(Box<Array>),
    /// A row of characters.
    Text(Box<str>),
    /// Cells, the first dimension fastest.
    Cells(Vec<Value>),
    /// Structs of the same fields.
    Structs(Box<Struct>),
    /// `[]`, as in a cell that nobody filled.
    Empty,
    /// Of a class that no data set uses (sparse matrices, objects, functions).
    Unsupported,
}

/// An array of numbers.
#[derive(Debug, Clone, PartialEq)]
pub struct Array {
    /// As MATLAB says it, the first dimension running fastest: `[32, 32, 3, 26032]`.
    pub shape: Vec<usize>,
    /// As many as the shape says.
    pub numbers: Numbers,
}

/// Numbers of an array.
#[derive(Debug, Clone, PartialEq)]
pub enum Numbers {
    /// An array of bytes.
    Bytes(Vec<u8>),
    /// All other types.
    Floats(Vec<f64>),
}

/// An array of structs.
#[derive(Debug, Clone, PartialEq)]
pub struct Struct {
    /// Names, in order.
    pub fields: Vec<String>,
    /// All fields of the first struct, then of the second, ….
    pub values: Vec<Value>,
}

impl Value {
    /// All numbers.
    pub fn numbers(&self) -> Option<Vec<f64>> {
        let Value::Numbers(array) = self else { return None };
        Some(match &array.numbers {
            Numbers::Floats(values) => values.clone(),
            Numbers::Bytes(values) => values.iter().map(|&byte| f64::from(byte)).collect(),
        })
    }

    /// All numbers, if every one is a whole number from 0 to 2³² − 1.
    pub fn integers(&self) -> Option<Vec<u32>> {
        let whole = |value: f64| value.fract() == 0.0 && (0.0..4_294_967_296.0).contains(&value);
        self.numbers()?.into_iter().map(|value| whole(value).then_some(value as u32)).collect()
    }

    /// The one whole number.
    pub fn integer(&self) -> Option<u32> {
        match *self.integers()? {
            [one] => Some(one),
            _ => None,
        }
    }

    /// The text; a cell of one text is a text too.
    pub fn text(&self) -> Option<&str> {
        match self {
            Value::Text(text) => Some(text),
            Value::Cells(cells) => match &**cells {
                [Value::Text(text)] => Some(text),
                _ => None,
            },
            _ => None,
        }
    }

    /// The texts of a cell array.
    pub fn texts(&self) -> Option<Vec<&str>> {
        let Value::Cells(cells) = self else { return None };
        cells.iter().map(Value::text).collect()
    }

    /// The structs.
    pub fn structs(&self) -> Option<&Struct> {
        match self {
            Value::Structs(structs) => Some(structs),
            _ => None,
        }
    }
}

impl Struct {
    /// How many there are.
    pub fn len(&self) -> usize {
        self.values.len().checked_div(self.fields.len()).unwrap_or(0)
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// One field of one struct; none where there is no such field.
    pub fn field(&self, index: usize, name: &str) -> Option<&Value> {
        let column = self.fields.iter().position(|field| field == name)?;
        self.values.get(index.checked_mul(self.fields.len())?.checked_add(column)?)
    }
}
