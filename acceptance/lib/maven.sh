# Programs of the JVM's world, for the acceptance scripts. Source it after python.sh, which says where the cache is:
#
#   jar=$(forebay_jar GROUP:ARTIFACT:VERSION[:PACKAGING[:CLASSIFIER]])
#
# Each is fetched once, by Maven, which is installed from Debian where it is missing and can be.

forebay_jar() {
  forebay_coordinates=$1
  forebay_jars=$FOREBAY_CACHE/jars/$(printf '%s' "$forebay_coordinates" | tr ':' '_')
  if ! ls "$forebay_jars"/*.jar >/dev/null 2>&1; then
    if ! command -v mvn >/dev/null 2>&1; then
      if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
        echo "installing maven" >&2
        { apt-get update -q && DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends maven; } >&2 ||
          { echo "error: maven could not be installed" >&2; return 1; }
      else
        echo "error: no mvn on PATH (Debian: apt-get install maven)" >&2
        return 1
      fi
    fi
    echo "fetching $forebay_coordinates (once)" >&2
    mvn -q -B org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy \
        "-Dartifact=$forebay_coordinates" "-DoutputDirectory=$forebay_jars" >&2 ||
      { echo "error: $forebay_coordinates could not be fetched" >&2; return 1; }
  fi
  ls "$forebay_jars"/*.jar
}
