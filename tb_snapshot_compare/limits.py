"""Every bound, with its reason, in one place."""

MIB = 1024 * 1024

# --- sources: a logdir may be a home directory by mistake.
SCAN_MAX_DEPTH = 12
SCAN_MAX_ENTRIES = 200_000
SCAN_INTERVAL_SECONDS = 5.0
SETTLE_SECONDS = 1.0
"""A file younger than this may still be growing: look twice before calling it ready."""

# --- readers: what a hostile header may claim before anything is allocated.
INDEX_MAX_BYTES = 256 * MIB
"""TF checkpoints of 100,000 tensors have an index of about 10 MB."""
TENSORS_MAX = 1_000_000
RANK_MAX = 32
"""NumPy 2 holds up to 64 axes; no layer has more than 8."""
CONFIG_MAX_BYTES = 64 * MIB
CHILD_ADDRESS_SPACE_BYTES = 2048 * MIB
CHILD_CPU_SECONDS = 60
CHILD_REPLY_SECONDS = 60.0
CHILD_IDLE_SECONDS = 120.0
CHILD_OPEN_FILES = 32
CHILD_LIFETIME_CPU_SECONDS = 600
"""After this much work a child is replaced, so that its leaks end with it."""
ARCHIVE_DIRECTORY_MAX_BYTES = 4 * MIB
"""A `.keras` archive has three members and its assets; 4 MiB lists about 50,000."""
DECODED_FLOOR_BYTES = 256 * MIB
DECODED_EXPANSION_MAX = 1000
"""What is decoded onto our disk may exceed the floor only by this factor of its file
(deflate reaches 1032; Keras's own guard against CVE-2026-0897 allows 1,000)."""
SPOOL_MAX_BYTES = 16 * 1024 * MIB

# --- analysis
BLOCK_BYTES = 4 * MIB
"""Two such buffers per worker; large enough to hide system-call cost, small for the L2/L3."""
BINS_DEFAULT, BINS_MAX = 20, 512
LEVELS_DEFAULT, LEVELS_MAX = 5, 32
FILTERS_MAX = 131_072
"""Filters of one tensor that get measures of their own; each costs about 250 bytes of memory."""

# --- http_api
JOBS_RUNNING_MAX = 2
JOBS_QUEUED_MAX = 16
REQUEST_BODY_MAX = 8 * MIB
CURVE_POINTS_MAX = 2_000

# --- store
CACHE_MAX_BYTES = 512 * MIB

# --- architecture: what a hostile configuration may claim; the largest real models have ~5,000.
LAYERS_MAX = 50_000
EDGES_MAX = 100_000
MODEL_NESTING_MAX = 64
MODEL_CONFIG_MAX_CHARACTERS = 16 * MIB
"""Parsed, JSON takes about ten times its text; 5,000 layers have a text of about 8 MB."""
