# ruff: noqa: E501, RUF001, SIM905  # tables of words and signs
"""What abbreviations, units and signs are called in English."""

from __future__ import annotations

MONTHS = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November",
    "December",
)  # fmt: skip

YEAR_CUES = frozenset("in since by from until till before after around of year early late during summer winter spring"
                      " autumn fall circa to".split())  # fmt: skip

# sign: one, many, one small, many small
CURRENCIES = {
    "$": ("dollar", "dollars", "cent", "cents"),
    "£": ("pound", "pounds", "penny", "pence"),
    "€": ("euro", "euros", "cent", "cents"),
    "¥": ("yen", "yen", "", ""),
    "₹": ("rupee", "rupees", "paisa", "paise"),
}

MAGNITUDES = {
    "trillion": "trillion", "billion": "billion", "million": "million", "thousand": "thousand", "k": "thousand",
    "m": "million", "b": "billion", "bn": "billion",
}  # fmt: skip

UNITS = {
    "km/h": ("kilometre an hour", "kilometres an hour"), "kph": ("kilometre an hour", "kilometres an hour"),
    "mph": ("mile an hour", "miles an hour"), "m/s": ("metre a second", "metres a second"),
    "km²": ("square kilometre", "square kilometres"), "m²": ("square metre", "square metres"),
    "m³": ("cubic metre", "cubic metres"), "km": ("kilometre", "kilometres"), "cm": ("centimetre", "centimetres"),
    "mm": ("millimetre", "millimetres"), "m": ("metre", "metres"), "mi": ("mile", "miles"), "ft": ("foot", "feet"),
    "yd": ("yard", "yards"), "kg": ("kilogram", "kilograms"), "g": ("gram", "grams"), "mg": ("milligram", "milligrams"),
    "lbs": ("pound", "pounds"), "lb": ("pound", "pounds"), "oz": ("ounce", "ounces"), "ml": ("millilitre", "millilitres"),
    "mL": ("millilitre", "millilitres"), "L": ("litre", "litres"), "l": ("litre", "litres"),
    "°C": ("degree Celsius", "degrees Celsius"), "°F": ("degree Fahrenheit", "degrees Fahrenheit"),
    "℃": ("degree Celsius", "degrees Celsius"), "°": ("degree", "degrees"), "kHz": ("kilohertz", "kilohertz"),
    "MHz": ("megahertz", "megahertz"), "GHz": ("gigahertz", "gigahertz"), "Hz": ("hertz", "hertz"),
    "kWh": ("kilowatt hour", "kilowatt hours"), "kW": ("kilowatt", "kilowatts"), "MW": ("megawatt", "megawatts"),
    "W": ("watt", "watts"), "V": ("volt", "volts"), "KB": ("kilobyte", "kilobytes"), "kB": ("kilobyte", "kilobytes"),
    "MB": ("megabyte", "megabytes"), "GB": ("gigabyte", "gigabytes"), "TB": ("terabyte", "terabytes"),
    "ms": ("millisecond", "milliseconds"), "sec": ("second", "seconds"), "secs": ("second", "seconds"),
    "min": ("minute", "minutes"), "mins": ("minute", "minutes"), "hr": ("hour", "hours"), "hrs": ("hour", "hours"),
    "px": ("pixel", "pixels"), "fps": ("frame a second", "frames a second"), "dB": ("decibel", "decibels"),
}  # fmt: skip

VULGAR = {
    "½": "1/2", "⅓": "1/3", "⅔": "2/3", "¼": "1/4", "¾": "3/4", "⅕": "1/5", "⅖": "2/5", "⅗": "3/5", "⅘": "4/5",
    "⅙": "1/6", "⅚": "5/6", "⅛": "1/8", "⅜": "3/8", "⅝": "5/8", "⅞": "7/8",
}  # fmt: skip

# Before a name. The point belongs to the abbreviation and ends no sentence.
TITLES = {
    "Dr": "Doctor", "Mr": "Mister", "Mrs": "Missus", "Prof": "Professor", "Capt": "Captain", "Lt": "Lieutenant",
    "Sgt": "Sergeant", "Gen": "General", "Col": "Colonel", "Rev": "Reverend", "Sen": "Senator", "Gov": "Governor",
    "Hon": "Honourable", "St": "Saint", "Mt": "Mount", "Ft": "Fort",
}  # fmt: skip

# After a name or anywhere: these may also end a sentence.
SHORT = {
    "etc": "and so on", "vs": "versus", "approx": "approximately", "dept": "department", "govt": "government",
    "Jr": "Junior", "Sr": "Senior", "Inc": "Incorporated", "Ltd": "Limited", "Corp": "Corporation", "Ave": "Avenue",
    "Blvd": "Boulevard", "Rd": "Road", "St": "Street", "Ms": "Ms", "ca": "about",
}  # fmt: skip

DOTTED = {
    "e.g.": "for example", "i.e.": "that is", "a.k.a.": "also known as", "U.S.A.": "USA", "U.S.": "US", "U.K.": "UK",
    "U.N.": "UN", "E.U.": "EU", "D.C.": "DC", "Ph.D.": "PhD", "w/o": "without",
}  # fmt: skip

ROMAN_AFTER = frozenset(
    "Chapter Part Act Volume Book Scene War Season Episode Phase Level Section Round Apollo Rocky Article".split()
)

RULERS = frozenset(
    "King Queen Pope Emperor Henry Louis Elizabeth Charles George Edward Richard James William Paul Benedict Napoleon"
    " Ramses Philip Peter Catherine Frederick Francis Pius Leo Nicholas Alexander Ivan Otto Gustav Christian".split()
)

SIGNS = {
    "&": " and ", "+": " plus ", "=": " equals ", "@": " at ", "×": " times ", "÷": " divided by ", "±": " plus or minus ",
    "≈": " about ", "≠": " is not ", "≤": " at most ", "≥": " at least ", "→": " to ", "←": " from ", "°": " degrees ",
    "%": " percent ", "№": " number ", "§": " section ", "€": " euros ", "£": " pounds ", "¥": " yen ", "₹": " rupees ",
    "$": " dollars ", "²": " squared ", "³": " cubed ", "∞": " infinity ", "<": " ", ">": " ", "*": "", "#": "",
    "_": " ", "|": ", ", "\\": " ", "^": " ", "`": "", "~": " ", "©": "", "®": "", "™": "", "•": " ", "·": " ", "▪": " ",
    "{": "", "}": "", "[": "", "]": "",
}  # fmt: skip

ACRONYMS = frozenset(
    "NASA UNESCO UNICEF NATO ASCII COVID LASER RADAR SONAR USA USB HTML JSON HTTP HTTPS YAML OPEC INTERPOL NOAA JPEG MPEG"
    " MIDI RAM ROM CPU GPU FBI CIA DNA RNA ATM VIP FAQ DIY GPS LED TV PC AI API URL PDF NBA NFL FIFA BBC CNN IBM EU UK US"
    " UN UFO SOS ID OK BC AD CEO PhD ISBN UTC GMT".split()
)

SHOUTED = frozenset(
    "NO NOT NOW YES WOW STOP WAIT HELP WHAT WHY WHO HOW VERY NEVER EVER ALL ALWAYS THIS THAT LOVE HATE EVERY HERE THERE GO"
    " RUN LOOK LISTEN REALLY MUST ONLY MORE EVEN BIG HUGE LOUD GONE DEAD DONE JUST ONE ALSO MUCH BACK DOWN UP OUT OFF".split()
)
