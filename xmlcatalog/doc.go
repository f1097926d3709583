// Package xmlcatalog knows what the files of a GeoServer data directory mean.
//
// GeoServer keeps its catalog as some hundred thousand small XML files that
// refer to each other by id. This package answers, from the bytes alone:
//
//   - which files belong in history ([Rules]), and of which kind each is;
//   - which objects they make up ([Catalog], [Object]): a layer is layer.xml
//     and its resource, a workspace is workspace.xml and namespace.xml;
//   - whether two versions of a file say the same ([Noise], [Echo]);
//   - what happened between two versions of a tree ([Compare]) and how to say
//     it in a commit message ([Describe]);
//   - what a GeoServer would stumble over when it loads the tree ([Damage]).
//
// Three words are used throughout. The identity of an object is its id, never
// its path or its likeness to another. A reference is an id inside a file that
// another file defines. The canonical form of a file is what is left of it when
// everything is taken away that GeoServer changes without anybody's wish; it is
// for comparing only, bytes are never rewritten.
//
// The package never writes a file, knows nothing of git, and puts no password
// into any value that it returns.
package xmlcatalog
