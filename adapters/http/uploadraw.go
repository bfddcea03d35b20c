package httpapi

import (
	"bufio"
	"errors"
	"io"
	"mime"
	"net/http"

	"github.com/gin-gonic/gin"
)

// mediaCurl is the Content-Type of bytes that curl was told none for.
const mediaCurl = "application/x-www-form-urlencoded"

// isRaw reports whether an upload's body is the file as it is: ?filename= names it,
// and it does not say that it is a form.
func isRaw(c *gin.Context) bool {
	_, named := c.GetQuery("filename")
	if !named {
		return false
	}
	header := c.GetHeader("Content-Type")
	if header == "" {
		return true
	}
	media, _, err := mime.ParseMediaType(header)
	return err == nil && media != mediaMultipart
}

// receiveRaw takes in a body that is the file.
func (a *API) receiveRaw(
	c *gin.Context, body io.Reader, key string, params UploadDocumentParams, want digestWanted,
) (uploadForm, error) {
	if c.Request.ContentLength > maxUpload {
		return uploadForm{}, errTooLarge(maxUpload)
	}
	if coding := c.GetHeader("Content-Encoding"); coding != "" && coding != "identity" {
		return uploadForm{}, &problem{
			status: http.StatusUnsupportedMediaType, code: CodeUnsupportedMediaType, message: "Send the file without a Content-Encoding.",
		}
	}
	form := uploadForm{filename: params.Filename, mimeType: params.MimeType, partType: c.GetHeader("Content-Type")}
	wanted := want.of(body)
	buffered := bufio.NewReaderSize(wanted, 32<<10)
	if media, _, _ := mime.ParseMediaType(form.partType); form.partType == "" || media == mediaCurl {
		head, err := buffered.Peek(sniffed)
		if err != nil && !errors.Is(err, io.EOF) {
			return form, readProblem(err, maxUpload)
		}
		form.partType = guessType(head, form.name())
	}
	length := c.Request.ContentLength
	file, err := a.stage(c.Request.Context(), key, form.partType, buffered, length, length != unknownSize)
	if err != nil {
		return form, err
	}
	form.file = &file
	return form, wanted.check(file.digest)
}
