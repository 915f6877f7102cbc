"""Languages by the codes that files of film and sound know them by."""

from __future__ import annotations

_CODES = (
    "af:afr am:amh ar:ara as:asm az:aze be:bel bg:bul bn:ben bo:bod br:bre bs:bos ca:cat cs:ces cy:cym da:dan "
    "de:deu el:ell en:eng eo:epo es:spa et:est eu:eus fa:fas fi:fin fo:fao fr:fra fy:fry ga:gle gd:gla gl:glg "
    "gu:guj ha:hau he:heb hi:hin hr:hrv ht:hat hu:hun hy:hye id:ind ig:ibo is:isl it:ita ja:jpn jv:jav ka:kat "
    "kk:kaz km:khm kn:kan ko:kor ku:kur ky:kir la:lat lb:ltz lo:lao lt:lit lv:lav mg:mlg mi:mri mk:mkd ml:mal "
    "mn:mon mr:mar ms:msa mt:mlt my:mya nb:nob ne:nep nl:nld nn:nno no:nor or:ori pa:pan pl:pol ps:pus pt:por "
    "qu:que rm:roh ro:ron ru:rus rw:kin sd:snd si:sin sk:slk sl:slv so:som sq:sqi sr:srp su:sun sv:swe sw:swa "
    "ta:tam te:tel tg:tgk th:tha ti:tir tk:tuk tl:tgl tn:tsn tr:tur tt:tat ug:uig uk:ukr ur:urd uz:uzb vi:vie "
    "wo:wol xh:xho yi:yid yo:yor zh:zho zu:zul"
)
_THREE = dict(pair.split(":") for pair in _CODES.split())


def three_letters(tag: str) -> str:
    """The ISO 639-2/T code of a BCP 47 tag, as MP4 and WebM want it; `und` for a language that has none here."""
    base = tag.lower().partition("-")[0]
    return base if len(base) == 3 else _THREE.get(base, "und")
