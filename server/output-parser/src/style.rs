//! Text styles from the control sequence SGR (ECMA-48, 8.3.117; colours: ISO 8613-6), reduced to those of the log.

use vte::{Params, ParamsIter};

/// One of the 16 terminal colours: black, red, green, yellow, blue, magenta, cyan, white, then their bright forms.
type Colour = u8;

/// The present style.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Style {
    text: Option<Colour>,
    background: Option<Colour>,
    /// A bit for each [`Effect`].
    effects: u8,
}

/// A text effect.
#[derive(Clone, Copy)]
enum Effect {
    Bold = 1,
    Dim = 2,
    Italic = 4,
    Underlined = 8,
    /// Text and background colours are swapped.
    Reversed = 16,
}

impl Style {
    /// Applies the parameters of a control sequence.
    pub(crate) fn set(&mut self, params: &Params) {
        let mut params = params.iter();
        while let Some(own) = params.next() {
            match own[0] {
                0 => *self = Self::default(),
                1 => self.turn(Effect::Bold, true),
                2 => self.turn(Effect::Dim, true),
                3 => self.turn(Effect::Italic, true),
                // `4:0` ends the underline.
                4 => self.turn(Effect::Underlined, own.get(1) != Some(&0)),
                7 => self.turn(Effect::Reversed, true),
                21 => self.turn(Effect::Underlined, true),
                22 => self.effects &= !(Effect::Bold as u8 | Effect::Dim as u8),
                23 => self.turn(Effect::Italic, false),
                24 => self.turn(Effect::Underlined, false),
                27 => self.turn(Effect::Reversed, false),
                code @ 30..=37 => self.text = Some(code as Colour - 30),
                code @ 90..=97 => self.text = Some(code as Colour - 82),
                code @ 40..=47 => self.background = Some(code as Colour - 40),
                code @ 100..=107 => self.background = Some(code as Colour - 92),
                38 => self.text = extended(own, &mut params).or(self.text),
                48 => self.background = extended(own, &mut params).or(self.background),
                39 => self.text = None,
                49 => self.background = None,
                // The underline colour is not kept, but its parameters must be skipped.
                58 => _ = extended(own, &mut params),
                _ => {}
            }
        }
    }

    fn turn(&mut self, effect: Effect, on: bool) {
        let bit = effect as u8;
        self.effects = if on { self.effects | bit } else { self.effects & !bit };
    }

    fn has(self, effect: Effect) -> bool {
        self.effects & effect as u8 != 0
    }

    /// Returns the name of the style in [`AnsiStyles`](model::AnsiStyles). The log has its own background, light or
    /// dark: black and white text have the default colour, a black background is none, and text on a background has the
    /// colour of the page.
    pub(crate) fn word(self) -> String {
        let reversed = self.has(Effect::Reversed);
        let (colour, reversed) = match self.background.filter(|colour| *colour != 0) {
            None => (self.text, reversed),
            Some(background) => (Some(background), !reversed),
        };
        let mut word = match colour {
            Some(colour @ 1..=6) => colour.to_string(),
            Some(colour @ 9..=14) => format!("9{}", colour - 8),
            Some(8) => "0".to_owned(),
            _ if self.has(Effect::Dim) => "0".to_owned(),
            _ => String::new(),
        };
        let letters = [(Effect::Bold, 'b'), (Effect::Italic, 'i'), (Effect::Underlined, 'u')];
        word.extend(letters.into_iter().filter(|(effect, _)| self.has(*effect)).map(|(_, letter)| letter));
        if reversed {
            word.push('r');
        }
        word
    }
}

/// Returns the colour of a 38, 48 or 58, given after colons or in the following parameters.
fn extended(own: &[u16], following: &mut ParamsIter<'_>) -> Option<Colour> {
    let mut next = || following.next().map(|param| param[0]);
    match *own {
        [_] => match next()? {
            5 => palette(next()?),
            2 => Some(nearest([next()?, next()?, next()?])),
            _ => None,
        },
        [_, 5, number, ..] => palette(number),
        // A colour space may be given between the 2 and the colour.
        [_, 2, red, green, blue] | [_, 2, _, red, green, blue, ..] => Some(nearest([red, green, blue])),
        _ => None,
    }
}

/// Returns one of the 256 colours: the 16 colours, a cube of 6 x 6 x 6, and greys.
fn palette(number: u16) -> Option<Colour> {
    let step = |place: u16| if place == 0 { 0 } else { 55 + 40 * place };
    match number {
        0..=15 => Some(number as Colour),
        16..=231 => {
            let place = number - 16;
            Some(nearest([step(place / 36), step(place / 6 % 6), step(place % 6)]))
        }
        232..=255 => Some(nearest([8 + 10 * (number - 232); 3])),
        _ => None,
    }
}

/// Returns the nearest of the 16 colours to red, green and blue values of 0 to 255. The hue decides, since the log
/// keeps text readable by its own brightness. Colours with little saturation are grey.
fn nearest(parts: [u16; 3]) -> Colour {
    let parts = parts.map(|part| part.min(255));
    let (most, least) = parts.into_iter().fold((0, 255), |(most, least), part| (part.max(most), part.min(least)));
    if most - least <= most / 4 {
        return match most {
            0..64 => 0,
            64..160 => 8,
            160..224 => 7,
            _ => 15,
        };
    }
    // In colour numbers, red is 1, green is 2 and blue is 4.
    let hue = parts.into_iter().zip([1, 2, 4]).filter(|(part, _)| 2 * part > most + least).map(|(_, bit)| bit);
    hue.sum::<Colour>() + if most < 224 { 0 } else { 8 }
}
