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
CONFIG_MAX_BYTES = 16 * MIB
"""Configurations of 5,000 layers have about 8 MB; packed, a hostile one has 16 KB."""
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
SAFETENSORS_HEADER_MAX_BYTES = 25_000_000
"""200,000 tensors. safetensors itself takes 100 MB, which would take a gigabyte once parsed."""
SHARD_INDEX_MAX_BYTES = 64 * MIB
"""The index of 100,000 tensors has about 10 MB."""
SHARDS_MAX = 4_096
"""Files of one snapshot; the largest public models have about 200."""
NPY_HEADER_MAX_BYTES = 10_000
"""`_MAX_HEADER_SIZE` of `numpy.lib.format`: more takes long to parse, or too much stack."""
SPOOL_MAX_BYTES = 16 * 1024 * MIB
PICKLE_INSTRUCTIONS_MAX = 10_000_000
"""A checkpoint of 100,000 tensors with its optimizer has about 8 million; 20 s."""
PICKLE_EXPANSION_MAX = 24
PICKLE_MEMORY_FLOOR_BYTES = 16 * MIB
PICKLE_MEMORY_MAX_BYTES = 512 * MIB
"""Objects of a pickle may take so many times its bytes, beyond the floor: tensors take about 6,
and an instruction of one byte could make an object of 200."""
PICKLE_TENSORS_FLOOR = 10_000
PICKLE_TENSOR_BYTES = 64
"""A tensor takes at least 90 bytes in a pickle of PyTorch, and about 700 in memory when it is
listed; a crafted one names the same tensor again in two."""
DISTRIBUTED_METADATA_MAX_BYTES = 128 * MIB
"""Of 100,000 tensors in a few chunks each: about 60 MB."""
DISTRIBUTED_PICKLE_MAX_BYTES = 64 * 1024
"""Of one chunk of a tensor: about 500 bytes."""
PICKLE_DEFLATED_MAX_BYTES = 64 * MIB
"""Of one in a recompressed archive, which is inflated in memory."""
PICKLE_INLINE_MAX_BYTES = 4096
"""Longer bytes are left where they are."""
ORBAX_FILES_MAX = 100_000
"""Of one checkpoint; without OCDBT every array has a directory of its own."""
ORBAX_DEPTH_MAX = 16
ORBAX_METADATA_MAX_BYTES = 64 * MIB
"""The tree of 100,000 arrays takes about 30 MB."""
ORBAX_ADDRESS_SPACE_BYTES = 6144 * MIB
"""tensorstore takes 0.3 GiB, and four times a chunk while that is decoded."""
ORBAX_CHUNK_MAX_BYTES = 1024 * MIB
"""Orbax writes the part of an array that one device has as one chunk."""
ORBAX_REQUEST_BYTES = 512 * MIB
"""Decoded in answer to one request, so that none takes nearly as long as it may."""
PROBE_DECODED_MAX_BYTES = 256 * MIB
"""A compressed snapshot of at most so many bytes is decoded, and forgotten again, when it is
listed, for its step; of larger ones the step is known once they are opened."""
TRANSPOSING_BLOCK_BYTES = 16 * MIB
"""Of a tensor that is put into another framework's order of axes at a time; three are in memory."""
TRANSPOSED_ROW_BYTES_MAX = 256 * MIB
"""The first axis is not split further: the largest rows of real models have 1 MiB."""
TRANSPOSED_MAX_BYTES = 8 * 1024 * MIB
"""Transposed tensors that are kept for the next view of them."""

# --- matching
MATCHES_MAX = 100_000
MATCH_FILE_MAX_BYTES = 8 * MIB
"""As much as a request's body may have; 20,000 pairs of long names."""
MATCH_SETS_KEPT = 1_000
"""Corrections kept, each for two networks; the oldest go first."""

# --- storage: files in object stores and on servers.
REMOTE_REQUEST_SECONDS = 20.0
"""One attempt; a range has at most a MiB."""
REMOTE_ATTEMPTS = 4
REMOTE_REQUESTS_AT_ONCE = 16
REMOTE_RANGE_BYTES = MIB
"""Longer ranges are fetched in parts, several at once: a request waits about 30 ms."""
REMOTE_SHORT_READ_BYTES = 3 * 1024
"""What a short read, which is one of an index, fetches at least. HDF5 scatters its own in pieces of
2 KiB and looks at the 512 bytes behind: this costs the fewest bytes, request headers included."""
REMOTE_WHOLE_BYTES = 256 * 1024
"""A smaller file is fetched whole, in one request. Two files of two snapshots are then a MiB."""
REMOTE_SHORT_BYTES = 32 * 1024
REMOTE_AHEAD_BYTES = 64 * 1024
"""At most so much more is read where short reads follow each other."""
REMOTE_CACHE_BYTES = 512 * MIB
REMOTE_LISTING_SECONDS = 60.0
REMOTE_SCAN_SECONDS = 15.0
"""Between listings of a store, which cost money: 0.03 $ a day at S3 for 1,000 files."""

# --- analysis
BLOCK_BYTES = 4 * MIB
"""Two such buffers per worker; large enough to hide system-call cost, small for the L2/L3."""
BINS_DEFAULT, BINS_MAX = 20, 512
LEVELS_DEFAULT, LEVELS_MAX = 5, 32
FILTERS_MAX = 131_072
"""Filters of one tensor that get measures of their own; each costs about 250 bytes of memory."""

# --- the kernel map
MAP_BASE_PIXELS = 1 << 19
"""Pixels of the finest level that is kept of a tensor: some 215 bytes each while it is computed, 29
afterwards. Finer levels are computed where they are looked at."""
MAP_TILES_MAX = 16
MAP_THREADS_MAX = 4
"""Unlike a comparison, the sums of a map take longer than reading."""
MAP_VALUES_WHOLE_BYTES = 64 * MIB
"""A pair of tensors of at most so many bytes is read once and kept; others are read in part."""
MAP_VALUES_KEPT_BYTES = 128 * MIB
MAP_LEVELS_KEPT_BYTES = 96 * MIB
MAP_TILES_KEPT_BYTES = 48 * MIB
MAP_SAMPLE = 1 << 18
"""Slices from which percentiles are taken where there are more than `MAP_BASE_PIXELS`."""

# --- http_api
JOBS_RUNNING_MAX = 2
JOBS_QUEUED_MAX = 16
REQUEST_BODY_MAX = 8 * MIB
CURVE_POINTS_MAX = 2_000

# --- the trend: every snapshot against the one before it
TREND_PAIRS_MAX = 512
"""Of a run, the newest; of networks of 500 layers these are 2 MB of numbers."""
TREND_RUNS_MAX = 64
"""Runs whose pairs are kept in memory."""
TREND_LANDED_MAX = 64
"""Pairs that wait in runs that nobody looks at."""

# --- store
CACHE_MAX_BYTES = 512 * MIB
CONTENTS_MAX_BYTES = 256 * MIB
"""What is known of contents: 8 bytes a filter, so that these are 30 million filters."""

# --- architecture: what a hostile configuration may claim; the largest real models have ~5,000.
LAYERS_MAX = 50_000
EDGES_MAX = 100_000
MODEL_NESTING_MAX = 64
MODEL_CONFIG_MAX_CHARACTERS = 16 * MIB
"""Parsed, JSON takes about ten times its text; 5,000 layers have a text of about 8 MB."""

# --- images: probe images come from folders that anybody may have filled.
IMAGES_MAX = 10_000
"""Images listed of one set: 1.2 MB of JSON, and two seconds to read the sizes of."""
IMAGE_ENTRIES_MAX = 200_000
"""Files and folders looked at for one set."""
IMAGE_FILE_MAX_BYTES = 32 * MIB
IMAGE_PIXELS_MAX = 16 * MIB
"""16.8 megapixels: 50 MB decoded, and 0.3 s. Networks take 0.05 to 0.4."""
INPUT_EDGE_MAX = 4_096
"""Of a network's input: four times what any network of today takes."""
JPEG_SCANS_MAX = 100
"""A progressive JPEG has about ten; a crafted one has thousands, each as slow as a picture."""
IMAGE_STAMPS_KEPT = 100_000
THUMBNAIL_EDGE = 96
THUMBNAILS_MAX_BYTES = 64 * MIB
CLASSES_MAX = 100_000
CLASS_NAME_MAX_CHARACTERS = 200
CLASS_NAMES_MAX_BYTES = 8 * MIB
SUMMARY_IMAGES_MAX = 500
UPLOADS_MAX = 64
"""Uploads kept of one run; the oldest go first."""
UPLOADS_MAX_BYTES = 256 * MIB
"""Of all runs."""
UPLOAD_EDGE = 1_600
UPLOAD_NAME_MAX_CHARACTERS = 200

# --- probing
FREE_INPUT_EDGE = 224
"""A network that takes images of any size gets this one, the usual one of ImageNet's."""
IMAGE_BATCH_MAX = 64
IMAGE_BATCH_BYTES = 32 * MIB
"""Inputs that are run at once; the activations of a layer can be a hundred times as large."""
CHANNEL_MAPS_KEPT_BYTES = 256 * MIB
"""The first layers of VGG-16 give 26 MB a pair."""
PROPOSALS_MAX = 400
"""Patches of an image that are run; each costs two forward passes."""
ATTRIBUTION_IMAGES_MAX = 256
"""Images for which every layer is swapped once: ResNet50 runs them 109 times."""

# --- inference: what running a network may cost.
INFERENCE_MEMORY_BYTES = 6 * 1024 * MIB
"""Resident. TensorFlow takes 0.6 GiB, VGG16's weights of a and b 1.1 GiB, activations the rest."""
INFERENCE_START_SECONDS = 120.0
INFERENCE_STEP_SECONDS = 120.0
"""Without a word from the child; tracing the largest networks takes about 20 s."""
INFERENCE_CANCEL_SECONDS = 2.0
INFERENCE_IDLE_SECONDS = 600.0
"""Starting again takes about 5 s, and a warm child holds up to a gigabyte."""
RUN_CONFIG_DEPTH_MAX = 200
RUN_LAYERS_MAX = 5_000
"""The largest networks have about 1,500; Keras builds about 300 a second."""
RUN_WEIGHT_BYTES_MAX = 2048 * MIB
"""Of one snapshot; two of them and the activations must fit into the child's memory."""
RUN_CONSTANT_BYTES_MAX = 64 * MIB
"""Of arrays written into a configuration (means of a Normalization) or made of it alone."""
RUN_BUILD_BYTES = 256 * MIB
"""More than a network without weights and its constants take."""
RUN_TENSOR_BYTES_MAX = 1024 * MIB
"""Of one operation's output for one image."""
RUN_BATCH_BYTES = 768 * MIB
"""Of activations at one time; sets how many images make a batch."""
RUN_BATCH_IMAGES = 32
RUN_RESULT_BYTES_MAX = 1024 * MIB
RUN_NETWORKS_KEPT = 2
RUN_SIZES_KEPT = 4
"""Sizes of images for which a network is kept traced."""
RUN_OUTPUT_SETS_KEPT = 64
"""Sets of layers whose pruned graphs a session keeps."""
GRAPH_FILE_MAX_BYTES = 64 * MIB
"""`saved_model.pb`: EfficientNetB7's has about 20 MB. A larger one has its weights as constants."""
GRAPH_NODES_MAX = 500_000
"""Of all functions in the file, and again with every call written out."""
GRAPH_CALLS_MAX = 64
"""Functions within functions; tf.keras 2 makes one for each nested layer, about five."""
GRAPH_RUN_SECONDS = 60.0
"""For one batch of a SavedModel: its loops may be endless."""
MIXTURES_AT_ONCE = 4
"""Mixtures of weights that are run before somebody else's request gets its turn."""

# --- the recorded log: a directory that anybody may have written.
LOG_SESSIONS_MAX = 1_000
LOG_SESSION_MAX_BYTES = 32 * MIB
"""Of one session's file; that of 50,000 probe images has about 4 MB."""
LOG_SESSIONS_MAX_BYTES = 64 * MIB
"""Of all sessions' files: what they say takes about four times as much in memory."""
LOG_UNITS_MAX = 100_000
"""The largest networks have about 1,500 layers, and fewer groups of them."""
LOG_SEGMENTS_MAX = 30_000
"""757 dumps that were never merged are 3,800; each takes about 2 kB of memory."""
LOG_FOOTER_MAX_BYTES = 8 * MIB
"""Of one segment; one of 64 dumps of ResNet-50's 26,560 filters has 0.1 MB."""
LOG_FOOTERS_MAX_BYTES = 64 * MIB
"""Of what all segments say of themselves."""
LOG_SEGMENT_ROWS_MAX = 1 << 22
LOG_BLOCK_BYTES_MAX = 512 * MIB
"""Of a row group, decoded; no more than one for each thread is in memory."""
LOG_TEXT_BYTES_MAX = 64 * MIB
"""Of a row group of events or thumbnails; all thumbnails together have at most 32 MiB."""
LOG_EVENTS_MAX = 10_000
"""The newest ones of a log."""
LOG_PROBLEMS_MAX = 1_000
LOG_PAGE_BYTES_MAX = 64 * MIB
"""Pages have about 1 MiB; one holds at least a thumbnail or an event."""
LOG_RUNS_MAX = 65_536
"""Of a segment's steps: equally spaced ones, written at one time, are one run."""
LOG_GRIDS_MAX = 1 << 18
"""Rectangles of filters or images by steps, each about 250 bytes: those of segments that are laid
out alike, and so of single dumps, are counted once."""
LOG_STEPS_MAX = 16 * 1024 * 1024
"""Of a table; a long training has a million iterations."""
LOG_IMAGES_MAX = 1024 * 1024
"""Probe images; ImageNet's validation set has 50,000."""
LOG_CELLS_MAX = 64 * 1024 * 1024
"""Numbers of one answer: 50,000 images x 757 passes are 38 million."""
LOG_MERGED_AT_ONCE = 8
"""Segments that become one: 757 dumps are 23 segments, and every row is written three times."""
LOG_MERGED_RUNS = 8_192
LOG_MERGED_ROWS = {
    "scalars": 1 << 20,
    "layers": 1 << 17,
    "filters": 1 << 21,
    "images": 1 << 22,
    "thumbnails": 1 << 16,
    "events": 1 << 16,
}
"""Of a segment that others are merged into: 64 dumps of ResNet-50 and of 50,000 images. A block of
it (all rows of one kind or layer, some images) is in memory while it is written."""
LOG_QUERY_BYTES = 128 * MIB
"""DuckDB's, for all queries together."""

# --- training: what is asked of a log at once.
TRAINING_TOP_MAX = 1000
"""The most changed filters of a dump; the published views show 10."""
TRAINING_CLUSTERS_MAX = 32
TRAINING_UNITS_MAX = 10_000
TRAINING_FILTERS_MAX = 4_096
TRAINING_STEPS_MAX = 256
"""Units, filters and steps that one address names; all of them need not be named."""
TRAINING_LOGS_KEPT = 4
"""Logs that are open at a time; of one with 20 million rows about 20 MB of footers."""
TRAINING_LOOK_SECONDS = 0.5
"""Between looks for what a log got since; each lists its folders."""
TRAINING_CHANGE_SECONDS = 2.0
"""After a change nothing new is shown for so long: what the page asks for takes a moment."""
TRAINING_KEPT_CELLS_MAX = 512 * 1024
"""Units x dumps of which series are kept: a few MiB for each kind and statistic asked for."""
TRAINING_KEPT_BYTES = 48 * MIB
"""What was made of logs for more than one answer: whether 50,000 images were predicted right in 757
passes takes 5 MB, the 1,000 most changed filters of 757 dumps 12 MB."""
TRAINING_COLUMNS_MAX = 2_000
"""Anomaly iterations of all classes in one correlation; more cannot be told apart."""
TRAINING_CELLS_MAX = 4 * 1024 * 1024
"""Images x passes of one class that are shown: 6 bytes each."""
TRAINING_CLASS_CELLS_MAX = 8 * 1024 * 1024
"""Classes x passes of a log whose classes are shown: 50 bytes each. 1,000 x 757 are a tenth."""
TRAINING_EXAMINED_MAX = 1024 * 1024
"""Layers x dumps of which findings are made, the newest dumps: 200 bytes each. ResNet-50 has 161
layers with weights, x 757."""
TRAINING_MOVED_MAX = 500
"""Series that are told to have moved around a step; a network has several for each layer."""
TRAINING_CURVES_MAX = 64
"""Series of a log that are drawn."""
TRAINING_EVENTS_MAX = 1_000
TRAINING_FINDINGS_MAX = 100
TRAINING_STAGES_MAX = 200
"""Blocks of the learning rate's strip; more would be narrower than a pixel can be told apart."""

# --- recording: what a training program pays.
RECORDING_EVERY = 100
"""Steps between dumps, if dumps take no more than a part of the time; else twice as many, ..."""
RECORDING_SHARE = 0.05
RECORDING_EVERY_MAX = 100_000
RECORDING_FLUSH_SECONDS = 5.0
"""Numbers of steps are on disk so soon."""
RECORDING_WAITING = 1
RECORDING_WAITING_BYTES = 256 * MIB
RECORDING_WAITING_MAX = 256
"""Dumps and passes that wait while one is worked on, of each: one of any network, and more of small
ones, for whose first dump kernels may have to be compiled."""
RECORDING_SCALARS_WAITING = 65_536
RECORDING_SCALARS_ROWS = 65_536
"""Written at one time, at most."""
RECORDING_RING_BYTES = 512 * MIB
"""Weights kept in memory for snapshots around anomalies; three of ResNet-50 take 307 MB."""
RECORDING_SNAPSHOTS_MAX = 40
"""That one training writes where something happens: ResNet-50's then take 4 GB."""
RECORDING_CLOSE_SECONDS = 60.0
RECORDING_RETRY_SECONDS = 5.0
"""Between attempts to begin a log where that failed."""
RECORDING_COMPILING_SECONDS = 300.0
RECORDING_THUMBNAIL_EDGE = 64
RECORDING_THUMBNAILS_BYTES = 32 * MIB
"""Of all probe images: some 5,000 of them; a larger probe has none."""
RECORDING_PROBE_IMAGES_MAX = 100_000
"""Twice ImageNet's validation set: a probe that never ends would stop the training."""
RECORDING_PROBE_BYTES = 512 * MIB
"""Of inputs of the probe that are kept in memory; a larger set is read again for every pass."""

# --- derived logs: what recorded ones tell, from snapshots.
DERIVED_KEPT_BYTES = 64 * MIB
"""Of tensors that are gone through again: small networks are read once."""
DERIVED_DUMPS_MAX = 1_000
"""Of a run, the newest; those of a ResNet-50 take 1.1 MB each."""
DERIVED_MAX_BYTES = 2 * 1024 * MIB
"""Of all derived logs; those that were looked at least recently go first."""
