package gsgit

// StayHere names what lies where tracked files would and is carried nowhere: symbolic links, and names that no
// commit takes.
func StayHere(dir *Directory) ([]Note, error) {
	links, err := dir.Links()
	if err != nil {
		return nil, err
	}
	var notes []Note
	for _, link := range links {
		notes = append(notes, Note{Object: "file:" + link, Path: link, What: "a symbolic link is neither followed nor replaced"})
	}
	files, err := dir.Files("")
	if err != nil {
		return nil, err
	}
	for _, file := range files {
		if err := carriable(file); err != nil {
			notes = append(notes, Note{Object: "file:" + file, Path: file, What: "no commit can carry it: " + err.Error()})
		}
	}
	return notes, nil
}
