# The images by variant: docker buildx bake -f docker/docker-bake.hcl openblas
# ./invoke build-image sets the variables and says what came out.
variable "BASE" { default = "local/debian-12" }
variable "TAG" { default = "latest" }
variable "VERSION" { default = "" }
variable "REVISION" { default = "" }
variable "SOURCE" { default = "" }
variable "ISA" { default = "" }
variable "CA_BUNDLE" { default = "" }

group "default" { targets = ["openblas"] }
group "all" { targets = ["openblas", "mkl", "dev"] }

target "_common" {
  context    = "."
  dockerfile = "docker/Dockerfile"
  args       = { BASE = BASE }
  secret     = CA_BUNDLE == "" ? [] : ["id=ca,src=${CA_BUNDLE}"]
  labels = {
    "org.opencontainers.image.title"     = "tcp-performance"
    "org.opencontainers.image.licenses"  = "Apache-2.0"
    "org.opencontainers.image.version"   = VERSION
    "org.opencontainers.image.revision"  = REVISION
    "org.opencontainers.image.source"    = SOURCE
    "org.opencontainers.image.base.name" = BASE
    "tcp-performance.isa"                = ISA
  }
}

target "openblas" {
  inherits = ["_common"]
  target   = "runtime"
  args     = { BLAS = "openblas-openmp" }
  labels   = { "tcp-performance.blas" = "openblas-openmp" }
  tags     = ["tcp-performance:${TAG}-openblas", "tcp-performance:${TAG}"]
}

target "mkl" {
  inherits = ["_common"]
  target   = "runtime"
  args     = { BLAS = "mkl" }
  labels   = { "tcp-performance.blas" = "mkl" }
  tags     = ["tcp-performance:${TAG}-mkl"]
}

target "dev" {
  inherits = ["_common"]
  target   = "dev"
  args     = { BLAS = "openblas-openmp" }
  labels   = { "tcp-performance.blas" = "openblas-openmp" }
  tags     = ["tcp-performance:${TAG}-dev"]
}
