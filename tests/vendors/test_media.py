"""Speech, pictures, clips and transcripts through the vendors' SDKs; everything is decoded."""

from __future__ import annotations

import base64
import io
import math
import wave
from array import array
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from storygen.vendors.server import Simulation
from tests.vendors import clients
from tests.vendors.clients import TEXT, VOICE


def pcm_seconds(data: bytes, rate: int = 24_000) -> float:
    return len(data) / 2 / rate


def loudest(data: bytes) -> int:
    return max(array("h", data[: len(data) // 2 * 2]))


def test_openai_speaks_the_same_length_in_every_format(vendors: Simulation) -> None:
    client = clients.openai(vendors)

    def say(form: str) -> bytes:
        made = client.audio.speech.create(model="tts-1", voice="alloy", input=TEXT, response_format=form)
        return bytes(made.read())

    pcm = say("pcm")
    assert 1.5 < pcm_seconds(pcm) < 6
    assert loudest(pcm) > 3000
    with wave.open(io.BytesIO(say("wav"))) as wav:
        assert (wav.getframerate(), wav.getnchannels()) == (24_000, 1)
        assert len(wav.readframes(10**7)) == len(pcm)
    assert say("aac")[:2] == b"\xff\xf1"  # ADTS; it is none of the formats that can be uploaded
    for form in ("mp3", "opus", "flac"):
        heard = client.audio.transcriptions.create(
            model="whisper-1", file=(f"x.{form}", say(form)), response_format="verbose_json"
        )
        assert abs(heard.duration - pcm_seconds(pcm)) < 0.1


def test_openai_streams_speech_in_chunks_and_in_events(vendors: Simulation) -> None:
    client = clients.openai(vendors)
    asked = {"model": "gpt-4o-mini-tts", "voice": "nova", "input": TEXT, "response_format": "pcm"}
    with client.audio.speech.with_streaming_response.create(**asked) as response:
        chunks = list(response.iter_bytes(4096))
    assert len(chunks) > 3
    with client.audio.speech.with_streaming_response.create(**asked, stream_format="sse") as response:
        events = [line for line in response.iter_lines() if line]
    assert '"speech.audio.done"' in events[-1]


def test_elevenlabs_times_every_character_where_it_is_heard(vendors: Simulation) -> None:
    made = clients.spoken(vendors)
    sound = base64.b64decode(made.audio_base_64)
    timing = made.alignment
    assert "".join(timing.characters) == TEXT
    starts, ends = timing.character_start_times_seconds, timing.character_end_times_seconds
    assert all(a <= b for a, b in pairwise(starts))
    assert all(a <= b for a, b in zip(starts, ends, strict=True))
    assert starts[-1] < pcm_seconds(sound)
    storm = TEXT.index("storm")
    spoken = sound[2 * round(starts[storm] * 24_000) : 2 * round(ends[storm + 4] * 24_000)]
    assert loudest(spoken) > 3000


def test_elevenlabs_streams_sound_and_times_that_add_up_to_the_whole(vendors: Simulation) -> None:
    client = clients.elevenlabs(vendors).text_to_speech
    whole = base64.b64decode(clients.spoken(vendors).audio_base_64)
    chunks = list(client.stream_with_timestamps(voice_id=VOICE, text=TEXT, output_format="pcm_24000"))
    assert len(chunks) > 3
    assert b"".join(base64.b64decode(chunk.audio_base_64) for chunk in chunks) == whole
    assert "".join(c for chunk in chunks if chunk.alignment for c in chunk.alignment.characters) == TEXT
    assert b"".join(client.convert(voice_id=VOICE, text=TEXT, output_format="pcm_24000")) == whole
    assert b"".join(client.stream(voice_id=VOICE, text=TEXT, output_format="pcm_24000")) == whole


def test_elevenlabs_lists_voices_and_counts_characters(vendors: Simulation) -> None:
    client = clients.elevenlabs(vendors)
    clients.spoken(vendors)
    assert VOICE in [voice.voice_id for voice in client.voices.get_all().voices]
    assert VOICE in [voice.voice_id for voice in client.voices.search().voices]
    assert client.user.subscription.get().character_count == len(TEXT)
    assert client.user.get().subscription.character_limit > 0


def voice(name: str) -> Any:
    from google.genai import types

    return types.VoiceConfig(prebuilt_voice_config=types.PrebuiltVoiceConfig(voice_name=name))


def gemini_speech(vendors: Simulation, prompt: str, speech: Any) -> bytes:
    from google.genai import types

    config = types.GenerateContentConfig(response_modalities=["AUDIO"], speech_config=speech)
    client = clients.gemini(vendors).models
    made = client.generate_content(model="gemini-2.5-flash-preview-tts", contents=prompt, config=config)
    part = made.candidates[0].content.parts[0].inline_data
    assert part.mime_type == "audio/L16;codec=pcm;rate=24000"
    assert made.usage_metadata.candidates_token_count == round(pcm_seconds(part.data) * 25)
    streamed = client.generate_content_stream(model="gemini-2.5-flash-preview-tts", contents=prompt, config=config)
    assert b"".join(each.candidates[0].content.parts[0].inline_data.data for each in streamed) == part.data
    return bytes(part.data)


def test_gemini_speaks_with_one_voice_and_with_two(vendors: Simulation) -> None:
    from google.genai import types

    one = gemini_speech(vendors, f"Say warmly:\n{TEXT}", types.SpeechConfig(voice_config=voice("Kore")))
    pairs = [types.SpeakerVoiceConfig(speaker=n, voice_config=voice(v)) for n, v in (("Ada", "Kore"), ("Bo", "Puck"))]
    both = types.MultiSpeakerVoiceConfig(speaker_voice_configs=pairs)
    prompt = f"Speak this:\nAda: {TEXT}\nBo: {TEXT}"
    two = gemini_speech(vendors, prompt, types.SpeechConfig(multi_speaker_voice_config=both))
    assert loudest(one) > 3000
    assert 1.6 < pcm_seconds(two) / pcm_seconds(one) < 2.6


@pytest.mark.parametrize("size", ["1024x1024", "1024x1536", "1536x1024"])
def test_openai_paints_pictures_of_the_size_that_was_asked_for(size: str, vendors: Simulation) -> None:
    from PIL import Image

    made = clients.openai(vendors).images.generate(model="gpt-image-1", prompt="a fox", size=size, quality="low")
    image = Image.open(io.BytesIO(base64.b64decode(made.data[0].b64_json)))
    assert image.format == "PNG"
    assert f"{image.width}x{image.height}" == size
    assert len(image.getcolors(image.width * image.height) or ()) > 100
    assert vendors.billed()["charges"][0]["units"]["output_tokens"] == made.usage.output_tokens


def test_gemini_paints_a_picture_of_the_shape_that_was_asked_for(vendors: Simulation) -> None:
    from google.genai import types
    from PIL import Image

    config = types.GenerateContentConfig(
        response_modalities=["IMAGE"], image_config=types.ImageConfig(aspect_ratio="9:16")
    )
    made = clients.gemini(vendors).models.generate_content(
        model="gemini-2.5-flash-image", contents="a fox", config=config
    )
    image = Image.open(io.BytesIO(made.candidates[0].content.parts[0].inline_data.data))
    assert image.size == (768, 1344)


def test_runway_films_a_clip_that_is_ordered_asked_for_and_downloaded(vendors: Simulation, tmp_path: Path) -> None:
    import imageio_ffmpeg

    client = clients.runway(vendors)
    order = client.image_to_video.create(
        model="gen4_turbo", prompt_image="https://example.org/x.png", prompt_text="waves", ratio="720:1280", duration=5
    )
    seen = [client.tasks.retrieve(order.id) for _ in range(3)]
    assert [each.status for each in seen] == ["PENDING", "RUNNING", "SUCCEEDED"]
    clip = tmp_path / "clip.mp4"
    clip.write_bytes(fetch(seen[-1].output[0]))
    frames = imageio_ffmpeg.read_frames(str(clip))
    about = next(frames)
    frames.close()
    assert about["source_size"] == (720, 1280)
    assert math.isclose(about["duration"], 5.0, abs_tol=0.05)
    assert vendors.billed()["usd"] == pytest.approx(0.25)
    assert client.organization.retrieve().credit_balance == 100_000 - 25


def test_runway_gives_back_what_a_cancelled_clip_would_have_cost(vendors: Simulation) -> None:
    client = clients.runway(vendors)
    order = client.text_to_video.create(model="gen4.5", prompt_text="waves", ratio="1280:720", duration=5)
    assert vendors.billed()["usd"] == pytest.approx(0.6)
    client.tasks.delete(order.id)
    assert client.tasks.retrieve(order.id).status == "CANCELLED"
    assert vendors.billed()["usd"] == 0


def fetch(url: str) -> bytes:
    import httpx

    return httpx.get(url).raise_for_status().content


def test_a_transcript_is_right_after_the_sound_was_trimmed_joined_and_made_louder(vendors: Simulation) -> None:
    client = clients.openai(vendors)
    second = "Nobody had seen the boats since noon."

    def say(text: str) -> array[int]:
        made = client.audio.speech.create(model="tts-1", voice="alloy", input=text, response_format="pcm")
        return array("h", made.read())

    first = say(TEXT)[1200:]
    joined = array("h", [v * 7 // 10 for v in first + array("h", bytes(9600)) + say(second)])
    heard = client.audio.transcriptions.create(
        model="whisper-1",
        file=("x.wav", wav(joined.tobytes())),
        response_format="verbose_json",
        timestamp_granularities=["word"],
    )
    assert heard.text == f"{TEXT} {second}"
    assert len(heard.words) == len(heard.text.split())
    nobody = next(word for word in heard.words if word.word == "Nobody")
    assert nobody.start == pytest.approx(len(first) / 24_000 + 0.2, abs=0.1)


def test_sound_that_nobody_spoke_here_has_no_words(vendors: Simulation) -> None:
    clients.spoken(vendors)
    noise = array("h", [int(9000 * math.sin(n * n / 900_000)) for n in range(48_000)])
    heard = clients.openai(vendors).audio.transcriptions.create(
        model="whisper-1", file=("x.wav", wav(noise.tobytes())), response_format="json"
    )
    assert heard.text == ""


def wav(samples: bytes) -> bytes:
    out = io.BytesIO()
    with wave.open(out, "wb") as file:
        file.setparams((1, 2, 24_000, 0, "NONE", ""))
        file.writeframes(samples)
    return out.getvalue()
