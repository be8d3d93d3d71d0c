"""A chosen model in ONNX and OpenVINO, held against the original. Trains nothing."""
