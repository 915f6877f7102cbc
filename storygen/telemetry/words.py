"""The closed sets that labels take their values from, and the one table of the GenAI conventions' words for ours."""

from __future__ import annotations

from collections.abc import Mapping

from storygen.errors import kinds
from storygen.story import Fidelity, Outcome, Stage, Verdict

OTHER = "other"
NO_STAGE = "none"
NO_CAPABILITY = "none"
BUILTIN = "builtin"

PIPELINES = ("story",)
STAGES = tuple(stage.value for stage in Stage)
STAGE_OUTCOMES = tuple(outcome.value for outcome in Outcome)
RUN_OUTCOMES = tuple(outcome for outcome in STAGE_OUTCOMES if outcome not in {"cached", "skipped"})
ERROR_TYPES = kinds()
# What a run makes on this machine; each is an operation and a cache.
STEPS = ("revise", "voice", "subtitles", "terminal", "render", "music", "mix", "join", "outputs")
# What takes part of a stage.
PARTS = ("transcription", "alignment", "normalisation", "probe")
OPERATIONS = (*STEPS, "visuals", *PARTS, "compare")
CAPABILITIES = ("text", "speech", "images", "video", "transcription")
OBSERVED = "observed"
STORE = "store"
CACHES = tuple(dict.fromkeys((*CAPABILITIES, *OPERATIONS, OBSERVED, STORE)))
CACHE_RESULTS = ("hit", "miss", "bypass", "error")
CALL_RESULTS = ("success", "error", "rejected", "fallback")
REASONS = ("timeout", "rate_limited", "server_error", "connection", "invalid_output")
WASTE_REASONS = ("failed", "retried", "discarded")
ELEMENTS = ("scene", "narration", "dialogue_line", "stage_direction", "on_screen_text", "joke")
ARTIFACTS = ("text", "audio", "subtitles", "image", "video")
LIMITS = ("scenes", "cores", "operations", "runs")
BREAKER_STATES = ("closed", "open", "half_open")
BREAKER_RESULTS = ("success", "failure", "rejected", "ignored")
WINDOWS = ("run", "24h")
SIGNALS = ("traces", "logs")
# Those that the service answers with; everything else is `other`.
HTTP_STATUSES = (
    *("200", "202", "204", "206", "303", "304", "307", "400", "401", "403", "404", "405", "408", "409", "413", "414"),
    *("415", "416", "422", "429", "431", "500", "502", "503", "504", "507"),
)
FIDELITIES = tuple(fidelity.value for fidelity in Fidelity)
VERDICTS = tuple(verdict.value for verdict in Verdict)
# A name of a check is a fixed word of the code that measures it.
CHECKS: Mapping[str, tuple[str, ...]] = {
    "text": (
        *("language", "length", "characters", "words", "lines", "scenes", "empty_scenes", "line_characters"),
        *("pace", "hook", "candidates", "duplicate_titles", "blank_fields", "scores_outside", "out_of_order"),
    ),
    "audio": (
        *("decodes", "duration", "size", "bitrate", "words"),
        *("silence_share", "clipping_share", "loudness", "true_peak", "rate", "pace", "end_level"),
        *("heard_words", "word_times", "word_error_rate"),
    ),
    "subtitles": ("parses", "coverage", "drift", "order", "overlap", "reading_speed", "line_length", "lines"),
    "image": ("decodes", "size", "pixels", "light", "spread", "repeats"),
    "video": (
        *("decodes", "streams", "video_codec", "audio_codec", "pixel_format", "resolution", "frames", "duration"),
        *("uneven_frames", "end_offset", "av_offset", "black_stretch", "frozen_stretch", "repeated_stretch"),
        *("packets", "first_frame", "silence_share", "clipping_share", "true_peak", "loudness", "bitrate"),
        *("tracks", "clips", "missing_files"),
    ),
}

GENAI_PROVIDERS: Mapping[str, str] = {
    "azure": "azure.ai.openai",
    "bedrock": "aws.bedrock",
    "gemini": "gcp.gemini",
    "google": "gcp.gemini",
    "mistral": "mistral_ai",
    "vertex": "gcp.vertex_ai",
    "watsonx": "ibm.watsonx.ai",
    "xai": "x_ai",
}
GENAI_OPERATIONS = ("chat", "generate_content", "text_completion", "embeddings")
PROVIDERS = (
    "builtin",
    *("openai", "anthropic", "gcp.gemini", "gcp.vertex_ai", "azure.ai.openai", "aws.bedrock", "mistral_ai", "x_ai"),
    *("cohere", "deepseek", "groq", "perplexity", "moonshot_ai", "ibm.watsonx.ai"),
    *("elevenlabs", "piper", "runway", "faster_whisper", "ollama", "local"),
)


def genai_provider(name: str) -> str:
    """The conventions' name of a provider, or ours where they have none."""
    return GENAI_PROVIDERS.get(name, name)


def error_type(error: BaseException) -> str:
    """The kind of an error from the closed set; what is not ours is `error`."""
    kind = getattr(error, "kind", None)
    if kind in ERROR_TYPES:
        return str(kind)
    if isinstance(error, TimeoutError):
        return "timeout"
    return "error" if isinstance(error, Exception) else "cancelled"
