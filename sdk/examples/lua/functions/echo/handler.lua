-- Answers with the body of the request, piece by piece as it comes.
return function(request)
    print("asked with", request.method)
    return request:pieces(), 200, { ["Content-Type"] = "application/octet-stream" }
end
